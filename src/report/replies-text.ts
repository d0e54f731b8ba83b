import { type AskedQuestion, questionName, ruleText } from './replies.ts';
import { plainStyle } from './style.ts';
import type { TextLayout } from './table-text.ts';
import { displayWidth, printable, wrap } from './text-width.ts';

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
      const column =
        2 + Math.max('wanted'.length, ...replies.map(({ variant }) => displayWidth(printable(variant))));
      const entry = (name: string, text: string, mark: string) => {
        const lines = text
          .split('\n')
          .map((line) => printable(line).trim())
          .filter(Boolean)
          .join(' ⏎ ');
        const indent = ' '.repeat(column + 4);
        const [first = '', ...rest] = wrap(lines || '(nothing)', width - column - 4);
        const padded = name + ' '.repeat(Math.max(0, column - displayWidth(name)));
        return [`  ${mark} ${padded}${first}`, ...rest.map((line) => indent + line)];
      };
      return [
        ...wrap(questionName(question), width).map(style.bold),
        ...entry('asked', prompt, ' '),
        ...entry('wanted', ruleText(question), ' ').map(style.dim),
        ...replies.flatMap(({ variant, text, correct }) =>
          entry(printable(variant), text, correct ? '✓' : '✗').map(correct ? (line) => line : style.warn),
        ),
      ].join('\n');
    })
    .join('\n\n');
}
