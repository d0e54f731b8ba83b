import { printable } from './text-width.ts';

/** Numbered reasons, each told once however many figures share it. */
export interface Footnotes {
  /** The number of a reason, new or known. */
  readonly numberOf: (reason: string) => number;
  /** The reasons by number, from 1. */
  readonly reasons: () => readonly string[];
}

export function createFootnotes(): Footnotes {
  const numbers = new Map<string, number>();
  return {
    numberOf(reason) {
      const text = printable(reason) || 'no reason was given';
      const number = numbers.get(text) ?? numbers.size + 1;
      numbers.set(text, number);
      return number;
    },
    reasons: () => [...numbers.keys()],
  };
}
