import { runInNewContext } from 'node:vm';
import { UsageError } from '../util/errors.ts';

/**
 * Punctuation, by what becomes of it. Kept: what makes a number, a time or a date (3.5, 10:30, 2024-05-01) and a
 * minus sign. Dropped without a trace: thousands separators, apostrophes, and full stops (U.S. is us). All other
 * punctuation, and the backtick of code, parts words.
 */
const PUNCTUATION =
  /(?<kept>(?<=\d)[.:/-](?=\d)|(?<![\p{L}\p{N}])-(?=\d))|(?<dropped>(?<=\d),(?=\d{3}(?!\d))|['’.])|[\p{P}`]/gu;

const ARTICLES: ReadonlySet<string> = new Set(['a', 'an', 'the']);

/**
 * A number: an optional minus that is not the operator or hyphen after a word, perhaps a currency sign, digits with
 * or without thousands separators, perhaps decimals. Digits inside a word (Q4, H2O) are none; a unit may follow.
 */
const NUMBER =
  /(?<![\p{L}\p{N}_])(?:[-−]\p{Sc}?)?(?:\d{1,3}(?:[,'’_\u00a0\u2009\u202f]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|(?<!\.)\.\d+)/gu;

/**
 * The words of a text that carry an answer: compatibility forms unified, case folded, punctuation and English
 * articles stripped, white space collapsed. After normalize_answer of SQuAD's evaluation script (Rajpurkar et al.,
 * arXiv 1606.05250), which however runs words and numbers together where punctuation parted them ("3.5" to "35").
 * A text of nothing but articles keeps them, since "A" may be a choice's letter.
 */
export function normalizeAnswer(text: string): string {
  const words = text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('−', '-')
    .replace(PUNCTUATION, (mark: string, kept?: string, dropped?: string) => {
      if (kept !== undefined) return mark;
      return dropped === undefined ? ' ' : '';
    })
    .split(/\s+/)
    .filter((word) => word !== '');
  const telling = words.filter((word) => !ARTICLES.has(word));
  return (telling.length > 0 ? telling : words).join(' ');
}

/** Whether `part` occurs in `whole` as whole words; both normalized. */
export function containsWords(whole: string, part: string): boolean {
  return ` ${whole} `.includes(` ${part} `);
}

/**
 * The numbers of a text in a canonical form, so that equal ones are equal strings at any length: no thousands
 * separators, no leading or trailing zeros, a minus sign only before what is not 0.
 */
export function numbersIn(text: string): string[] {
  return (text.match(NUMBER) ?? []).map((found) => {
    const [whole = '', decimals = ''] = found.replaceAll(/[^\d.]/g, '').split('.');
    const significant = whole.replace(/^0+(?=\d)/, '') || '0';
    const fraction = decimals.replace(/0+$/, '');
    const size = fraction === '' ? significant : `${significant}.${fraction}`;
    return /^[-−]/.test(found) && size !== '0' ? `-${size}` : size;
  });
}

/**
 * The label that a text mentions first, as a whole word in any case; of two that begin at the same place the longer.
 * @returns the label as given, or null when none is mentioned
 */
export function firstLabelIn(text: string, labels: readonly string[]): string | null {
  const longestFirst = [...labels].sort((a, b) => b.length - a.length);
  const mention = new RegExp(
    `(?<![\\p{L}\\p{N}_])(?:${longestFirst.map((label) => escapePattern(label.trim())).join('|')})(?![\\p{L}\\p{N}_])`,
    'iu',
  );
  const found = mention.exec(text)?.[0];
  return found === undefined ? null : (labels.find((label) => sameLabel(label, found)) ?? null);
}

/** Whether two labels differ in case and outer white space at most. */
export function sameLabel(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase();
}

/** A pattern that backtracks without end would hold everything up. */
const LONGEST_MATCH_MS = 1000;

/**
 * How often a regular expression that a file brought matches in a text; without the flag g 0 or more than 0.
 * @throws UsageError `tasks/slow-pattern`
 */
export function countMatches({ source, flags }: RegExp, text: string): number {
  try {
    return runInNewContext(
      'text.match(new RegExp(source, flags))?.length ?? 0',
      { source, flags, text },
      { timeout: LONGEST_MATCH_MS },
    );
  } catch (cause) {
    throw new UsageError(
      'tasks/slow-pattern',
      `the pattern ${source} is not matched within ${LONGEST_MATCH_MS} ms`,
      { cause, hint: 'Repeat nothing within what is repeated: (a+)+ backtracks without end.' },
    );
  }
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
