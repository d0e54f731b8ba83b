import type { BytesWanted } from './header-parser.ts';

/** Holds the whole header of a model with a small vocabulary, and costs little beside a large one's. */
export const FIRST_WINDOW_BYTES = 256 * 1024;

/**
 * Where the next window ends.
 * @param inHand bytes of the file that are there
 */
export function nextWindowEnd(wanted: BytesWanted, inHand: number, fileBytes: number): number {
  const guess = Math.ceil(wanted.expectedEnd * 1.1);
  return Math.min(fileBytes, Math.max(wanted.neededEnd, guess, inHand + FIRST_WINDOW_BYTES));
}
