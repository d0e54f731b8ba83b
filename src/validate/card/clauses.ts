/** A stretch of a text. */
export interface Clause {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const SENTENCE = /[.!?]\s/g;
/** Parts of a sentence that may each be about something else. */
const CLAUSE = /[;()|]|,\s|[.!?]\s|\s[—–]\s/g;
const PART = /[;()|]|,\s|[.!?]\s|\s[—–]\s|\s(?:and|but|while|whereas|plus|vs\.?|versus|than|against)\s/g;

export function clausesOf(text: string): Clause[] {
  return split(text, CLAUSE);
}

/** The sentence, its clause and the smallest part of it that an offset is in. */
export function around(
  text: string,
  at: number,
): { readonly sentence: Clause; readonly clause: Clause; readonly part: Clause } {
  const find = (marks: RegExp): Clause =>
    split(text, marks).find(({ start, end }) => at >= start && at <= end) ?? {
      text,
      start: 0,
      end: text.length,
    };
  return { sentence: find(SENTENCE), clause: find(CLAUSE), part: find(PART) };
}

function split(text: string, marks: RegExp): Clause[] {
  const clauses: Clause[] = [];
  let start = 0;
  for (const { index, 0: mark } of text.matchAll(marks)) {
    clauses.push({ text: text.slice(start, index), start, end: index });
    start = index + mark.length;
  }
  clauses.push({ text: text.slice(start), start, end: text.length });
  return clauses;
}
