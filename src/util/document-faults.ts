/** What is wrong with a document that was read, in words that errors share. */

interface Faults {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

/** The first thing that a schema found, with its place: `variants.0.file: expected object`. */
export function issueText({ issues: [first] }: Faults): string {
  if (first === undefined) return 'not what its schema says';
  return `${first.path.length > 0 ? `${first.path.join('.')}: ` : ''}${first.message}`;
}

/** What a document says it is. */
export function schemaIdOf(parsed: unknown): unknown {
  return typeof parsed === 'object' && parsed !== null && 'schema' in parsed ? parsed.schema : undefined;
}

/** What a document says it is, as a part of a sentence about it: `is "quantscope/bench@1"`. */
export function kindText(parsed: unknown): string {
  const id = schemaIdOf(parsed);
  return typeof id === 'string' ? `is ${JSON.stringify(id.slice(0, 60))}` : 'names no schema';
}

/** What to do with a document of another version than those that are read; undefined where it is something else. */
export function otherVersionHint(parsed: unknown, read: readonly string[]): string | undefined {
  const id = schemaIdOf(parsed);
  const nameOf = (each: string) => each.replace(/@\d+$/, '');
  if (typeof id !== 'string' || read.includes(id) || !read.some((each) => nameOf(each) === nameOf(id)))
    return undefined;
  return 'Another version of quantscope wrote it: use that one, or measure again with this one.';
}
