import { type AskedQuestion, questionName, ruleText } from './replies.ts';
import { plainStyle } from './style.ts';
import type { TextLayout } from './table-text.ts';
import { padRight, printable, shortenMiddle, widest, wrap } from './text-width.ts';

/** Names take no more than this share of a line, however long a file says they are. */
const NAMES_SHARE = 0.3;

/** Questions with what each variant said, one under the other: for a terminal. */
export function renderReplies(
  questions: readonly AskedQuestion[],
  { width = 100, style = plainStyle }: Partial<TextLayout> = {},
): string {
  if (questions.length === 0)
    return 'No such question: each variant answered all of them alike, or no reply was kept.';
  return questions
    .map((question) => {
      const { prompt, replies } = question;
      const names = replies.map(({ variant }) =>
        shortenMiddle(printable(variant), Math.floor(width * NAMES_SHARE)),
      );
      const column = 2 + widest(['wanted', ...names]);
      const entry = (name: string, text: string, mark: string) => {
        const lines = text
          .split('\n')
          .map((line) => printable(line).trim())
          .filter(Boolean)
          .join(' ⏎ ');
        const indent = ' '.repeat(column + 4);
        const [first = '', ...rest] = wrap(lines || '(nothing)', width - column - 4);
        return [`  ${mark} ${padRight(name, column)}${first}`, ...rest.map((line) => indent + line)];
      };
      return [
        ...wrap(questionName(question), width).map(style.bold),
        ...entry('asked', prompt, ' '),
        ...entry('wanted', ruleText(question), ' ').map(style.dim),
        ...replies.flatMap(({ text, correct }, at) =>
          entry(names[at] ?? '', text, correct ? '✓' : '✗').map(correct ? (line) => line : style.warn),
        ),
      ].join('\n');
    })
    .join('\n\n');
}
