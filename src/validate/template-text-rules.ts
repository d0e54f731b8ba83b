import { markersIn, promptOf } from './chat-turns.ts';
import { NEXT_QUESTION, QUESTION, REPLY } from './conversations.ts';
import { atKey, quoted } from './finding.ts';
import type { Checks } from './rule.ts';
import type { TemplateReport } from './template-report.ts';
import { unseenIn } from './unseen.ts';

/** The same as {@link unseenIn} finds, as a literal may spell them. */
const ESCAPED = /\\u(?:00ad|061c|200[b-f]|202[a-e]|206[0-9]|feff)/gi;
const SHOWN = 5;

/** Of the group template: what its text and its prompts say of themselves. */
export const TEMPLATE_TEXT_RULES: Checks = {
  *'template/unseen'(file) {
    for (const [key, { text, conversations }] of file.templates) {
      const spelt = [...text.matchAll(ESCAPED)].map(([each]) => each);
      const points = unseenIn(text);
      // Put together from pieces, they are in the prompt alone.
      const prompts = conversations.map((each) => (each.status === 'ok' ? each.text : ''));
      const made = points.length + spelt.length > 0 ? [] : unseenIn(prompts.join('\n'));
      const all = [...new Set([...points, ...spelt, ...made])];
      if (all.length === 0) continue;
      const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : '';
      yield atKey(
        file,
        key,
        `${key} ${made.length > 0 ? 'writes' : 'holds'} characters that nobody sees: ${all.slice(0, SHOWN).join(', ')}${more}`,
      );
    }
  },
  *'template/date'(file) {
    for (const [key, { dates }] of file.templates) {
      if (dates.length > 0)
        yield atKey(
          file,
          key,
          `${key} writes the date (${dates.join(', ')}): prompts differ from day to day`,
        );
    }
  },
  *'template/fixed-text'(file) {
    for (const [key, report] of file.templates) {
      const { before, after, stays } = fixedTexts(report);
      const hiding = [...before, ...after].find((text) => HIDING.test(text));
      const [first] = before;
      if (hiding !== undefined)
        yield atKey(file, key, `${key} tells the model to keep something from the user: ${quoted(hiding)}`);
      else if (after.length > 0)
        yield atKey(
          file,
          key,
          `${key} adds to what is said: ${after.slice(0, SHOWN).map(quoted).join(', ')}`,
        );
      if (first === undefined || first === hiding) continue;
      const message = `${key} has instructions of its own${stays ? ', beside an app’s system message too' : ''}: ${quoted(first)}`;
      yield { ...atKey(file, key, message), severity: 'note' };
    }
  },
};

/** Words enough to be a sentence. */
const SENTENCE = /(?:\b[\p{L}'’]{2,}\b[\s,.:;!?-]+){2,}\b[\p{L}'’]{2,}/u;
const HIDING =
  /\b(?:ignore|disregard|forget)\s+(?:all\s+|any\s+|the\s+|your\s+)*(?:previous|prior|above|earlier|user)|\b(?:do not|don['’]t|never)\s+(?:tell|reveal|mention|disclose|show)\b[^.]*\b(?:user|this|these|instructions?)\b/i;

interface FixedTexts {
  /** Before the first message, where a system prompt has its place. */
  readonly before: readonly string[];
  /** Among the turns, where only what was said has one. */
  readonly after: readonly string[];
  /** Whether those before the first message are there where an app has a system message of its own. */
  readonly stays: boolean;
}

/** Sentences that a template writes whatever the conversation. */
function fixedTexts(report: TemplateReport): FixedTexts {
  const several = promptOf(report, 'several') ?? '';
  const at = Math.max(0, several.indexOf(QUESTION));
  const before = sentencesIn(several.slice(0, at));
  const system = promptOf(report, 'system');
  return {
    before,
    after: sentencesIn(several.slice(at)),
    stays: before[0] !== undefined && system?.includes(before[0]) === true,
  };
}

function sentencesIn(text: string): string[] {
  let rest = text;
  for (const said of [...markersIn(text), QUESTION, REPLY, NEXT_QUESTION]) rest = rest.replaceAll(said, '\n');
  return rest
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => SENTENCE.test(line));
}
