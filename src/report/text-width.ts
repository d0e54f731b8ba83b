/**
 * Text measured in terminal columns. Names and reasons come from files and foreign errors, so they may hold
 * control characters, wide characters and words longer than a line.
 */

const ELLIPSIS = '…';

/** Control, format and variation characters: they would move the cursor, recolor or reorder the line. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}]|\p{Variation_Selector}/gu;
/** Spaces at which a figure would be torn from its sign or unit: `3 %`, `6.68 ± 0.26`, `7.8 GiB`. */
const BREAKABLE_SPACE = /(?<!±) (?![%±])(?!(?<=\d )(?:[KMG]i?B|GB\/s|t\/s|ms|s|min|nats)(?![\w]))/;

/** CSI and OSC sequences as a whole, so that no `[31m` is left of them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
const ESCAPE_SEQUENCE = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?)/g;

const ASCII = /^[ -~]*$/;
const ZERO_WIDTH = /^[\p{Mn}\p{Me}]$/u;
/** East Asian Wide and Fullwidth blocks (Unicode TR11), and the emoji that terminals draw two columns wide. */
const WIDE =
  /^(?:[\u{1100}-\u{115F}\u{2E80}-\u{303E}\u{3041}-\u{A4CF}\u{A960}-\u{A97F}\u{AC00}-\u{D7A3}\u{F900}-\u{FAFF}\u{FE10}-\u{FE19}\u{FE30}-\u{FE6F}\u{FF00}-\u{FF60}\u{FFE0}-\u{FFE6}\u{16FE0}-\u{18DFF}\u{1AFF0}-\u{1B2FF}\u{1F200}-\u{1F2FF}\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation})$/u;

/** One line of harmless text: no control characters or escape sequences, white space folded to single spaces. */
export function printable(text: string): string {
  return text.replaceAll(ESCAPE_SEQUENCE, '').replaceAll(/\s+/g, ' ').replaceAll(UNPRINTABLE, '').trim();
}

/** The terminal columns that a printable text takes. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

export function padLeft(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - displayWidth(text))) + text;
}

export function padRight(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

/**
 * Cuts the middle out of a text that is too wide. The end keeps more than the beginning: the names of a
 * family's variants begin alike and end with the quantization.
 */
export function shortenMiddle(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  const kept = Math.max(0, width - 1);
  const head = firstColumns([...text], Math.floor(kept * 0.4));
  const tail = firstColumns([...text].reverse(), kept - displayWidth(head.join('')));
  return head.join('') + ELLIPSIS + tail.reverse().join('');
}

/** Cuts a text that is too wide at its end. */
export function cutEnd(text: string, width: number): string {
  return displayWidth(text) <= width ? text : firstColumns([...text], width - 1).join('') + ELLIPSIS;
}

/** The columns that the widest text takes. A file can name more things than a call takes arguments. */
export function widest(texts: Iterable<string>): number {
  let width = 0;
  for (const text of texts) width = Math.max(width, displayWidth(text));
  return width;
}

/**
 * Breaks a text into lines at most `width` columns wide, at spaces where there are any.
 * @param indent what every line but the first begins with; it counts towards the width
 */
export function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  const left = () => width - (lines.length === 0 ? 0 : displayWidth(indent));
  const finish = () => {
    lines.push((lines.length === 0 ? '' : indent) + line);
    line = '';
  };
  for (const word of text.split(BREAKABLE_SPACE)) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (displayWidth(joined) <= left()) {
      line = joined;
      continue;
    }
    if (line !== '') finish();
    if (displayWidth(word) <= left()) {
      line = word;
      continue;
    }
    let used = 0;
    for (const character of word) {
      const columns = characterWidth(character);
      // At least one character a line, or a wide one in a single column would never end.
      if (used + columns > left() && line !== '') {
        finish();
        used = 0;
      }
      line += character;
      used += columns;
    }
  }
  finish();
  return lines;
}

function firstColumns(characters: readonly string[], width: number): string[] {
  let used = 0;
  let count = 0;
  for (const character of characters) {
    used += characterWidth(character);
    if (used > width) break;
    count++;
  }
  return characters.slice(0, count);
}

function characterWidth(character: string): number {
  if (character <= '\u{7E}') return 1;
  if (ZERO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

const MOST_PAGE_WIDTH = 100;
const LEAST_PAGE_WIDTH = 60;

/** The width a page is written for: the terminal's, within reason. */
export function pageWidth(columns: number | undefined): number {
  return Math.min(MOST_PAGE_WIDTH, Math.max(LEAST_PAGE_WIDTH, Math.floor(columns ?? MOST_PAGE_WIDTH)));
}

/** Sections of lines with an empty line between them; those that hold nothing are left out. */
export function joinSections(sections: readonly (readonly string[])[]): string {
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}
