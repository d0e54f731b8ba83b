/**
 * A function of a header that answers a second question from the first: pages ask the same for every context size and
 * phone, and a file may have tens of thousands of tensors. Nothing is kept beyond the header itself.
 */
export function perHeader<Header extends object, Answer>(
  compute: (header: Header) => Answer,
): (header: Header) => Answer {
  const known = new WeakMap<Header, { readonly answer: Answer }>();
  return (header) => {
    const before = known.get(header);
    if (before !== undefined) return before.answer;
    const answer = compute(header);
    known.set(header, { answer });
    return answer;
  };
}
