import type { TextLayout } from './table-text.ts';
import { wrap } from './text-width.ts';

const INDENT = '  ';

/** A paragraph, indented like the rows of a table. */
export function note(text: string, { width }: Pick<TextLayout, 'width'>): string[] {
  return wrap(text, width - INDENT.length).map((line) => INDENT + line);
}

/** The first few of what a file may have thousands of, and how many more there are. */
export function firstOf(texts: readonly string[], most: number): string[] {
  const more = texts.length - most;
  return more > 0 ? [...texts.slice(0, most), `${more} more`] : [...texts];
}

/** `62.4 %`, `0.3 %`, `<0.1 %`. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %';
  const value = Math.min(100, (100 * part) / whole);
  return value < 0.1 ? '<0.1 %' : `${value.toFixed(1)} %`;
}
