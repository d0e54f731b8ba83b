import type { CardCheck } from '../../validate/card/check.ts';
import { escaped } from '../table-markdown.ts';
import { countsText } from './check-text.ts';

const MARKS = { true: '✓ true', false: '✗ **false**', 'not checkable': '? not checkable' } as const;

/** The verdicts as a table, for a pull request. */
export function cardCheckMarkdown(check: CardCheck): string {
  const { card, model, claims, contradictions } = check;
  const of = model === null ? '' : ` against ${escaped(model.fileName)}`;
  const rows = claims.map(({ line, quote, subject, kind, verdict, actual, basis, reason }) =>
    [
      String(line),
      escaped(quote),
      escaped(`${kind.replaceAll('-', ' ')}${subject === null ? '' : ` of ${subject}`}`),
      MARKS[verdict],
      escaped(actual === null ? '-' : `${actual}${basis === null ? '' : ` (${basis})`}`),
      escaped(reason),
    ].join(' | '),
  );
  return [
    `### ${escaped(card)}${of}`,
    `${countsText(check)}.`,
    ...contradictions.map(
      ({ message, values }) =>
        `- **Contradiction**: ${escaped(message)}: ${values.map(({ says, lines }) => `${escaped(says)} (line ${lines.join(', ')})`).join(', ')}`,
    ),
    ...(rows.length === 0
      ? []
      : [
          [
            '| line | quote | claim | verdict | value | why |',
            '| --: | :-- | :-- | :-- | :-- | :-- |',
            ...rows.map((row) => `| ${row} |`),
          ].join('\n'),
        ]),
  ].join('\n\n');
}
