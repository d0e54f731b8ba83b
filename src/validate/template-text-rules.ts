import { atKey } from './finding.ts';
import type { Checks } from './rule.ts';

/**
 * Characters that nobody sees: controls but for tabs and line ends, soft hyphens, joiners and marks of direction, the
 * byte order mark, and tags that spell out ASCII unseen.
 */
const UNSEEN = /[\p{Cc}\u00AD\u061C\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF\u{E0000}-\u{E007F}]/gu;
const SEEN_CONTROLS = /[\t\n\r]/;
/** The same, as a literal may spell them. */
const ESCAPED = /\\u(?:00ad|061c|200[b-f]|202[a-e]|206[0-9]|feff)/gi;
const CLOCK = /\b(?:strftime_now|now\s*\(\s*\)|date_string|current_date|currentDate)\b/;
const SHOWN = 5;

/** Of the group template: what its text says, without rendering it. */
export const TEMPLATE_TEXT_RULES: Checks = {
  *'template/unseen'(file) {
    for (const [key, { text }] of file.templates) {
      const found = [...text.matchAll(UNSEEN)].filter(([character]) => !SEEN_CONTROLS.test(character));
      const points = found.map(([character]) => {
        const point = character.codePointAt(0) ?? 0;
        return `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
      });
      const all = [...new Set([...points, ...[...text.matchAll(ESCAPED)].map(([spelt]) => spelt)])];
      if (all.length === 0) continue;
      const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : '';
      yield atKey(
        file,
        key,
        `${key} holds characters that nobody sees: ${all.slice(0, SHOWN).join(', ')}${more}`,
      );
    }
  },
  *'template/date'(file) {
    for (const [key, { text }] of file.templates) {
      const [found] = CLOCK.exec(text) ?? [];
      if (found !== undefined)
        yield atKey(file, key, `${key} writes the date (${found}): prompts differ from day to day`);
    }
  },
};
