/**
 * Characters that nobody sees: controls but for tabs and line ends, soft hyphens, joiners and marks of direction, the
 * byte order mark, and tags that spell out ASCII unseen.
 */
const UNSEEN =
  /(?![\t\n\r])[\p{Cc}\u00AD\u061C\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF\u{E0000}-\u{E007F}]/gu;

/** The characters of a text that nobody sees, each once, as `U+200B`. */
export function unseenIn(text: string): string[] {
  const points = [...text.matchAll(UNSEEN)].map(([character]) => {
    const point = character.codePointAt(0) ?? 0;
    return `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
  });
  return [...new Set(points)];
}
