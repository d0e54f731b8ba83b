import { readdirSync, readFileSync } from 'node:fs';

/** The text of a file of /proc or /sys, without blanks around it; null where it is not there or not readable. */
export function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

/** The number that such a file holds; null where it holds a word, as `max`, or is not there. */
export function numberOf(path: string): number | null {
  const text = textOf(path);
  return text !== null && /^-?\d+$/.test(text) ? Number(text) : null;
}

/** The number behind `name` in lines of the form `name 123`. */
export function namedNumber(text: string | null, name: string): number | null {
  const found = new RegExp(`^${name}[ :]+(\\d+)`, 'm').exec(text ?? '')?.[1];
  return found === undefined ? null : Number(found);
}

/** Names in a folder, or none. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The numbers of a list as Linux writes it: `0-3,8`. */
export function numbersOfList(list: string): number[] {
  return list
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
    });
}
