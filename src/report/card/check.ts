import type { CardCheck, CheckedClaim, Contradiction } from '../../schema/card-check.ts';
import { counted } from '../../util/units.ts';
import type { Finding } from '../finding.ts';
import { findingsGithub } from '../finding-github.ts';
import { plainStyle, type Style } from '../style.ts';
import { type Column, fillColumns } from '../table.ts';
import { escaped, tableMarkdown } from '../table-markdown.ts';
import type { TextLayout } from '../table-text.ts';
import { padLeft, padRight, printable, wrap } from '../text-width.ts';

/** What `card check` found, in every form. */

const GROUPS = [
  { verdict: 'false', mark: '✗', title: 'False', tone: 'bad' },
  { verdict: 'true', mark: '✓', title: 'True', tone: 'good' },
  { verdict: 'not checkable', mark: '?', title: 'Not checkable', tone: 'dim' },
] as const;

/** What is wrong first: contradictions, false claims with the right value, true ones, and those that cannot be tested. */
export function renderCardCheck(
  check: CardCheck,
  { width = 100, style = plainStyle }: Partial<TextLayout> = {},
): string {
  const { card, model, claims, contradictions } = check;
  const of = model === null ? 'read without a model' : `${model.fileName}, ${model.label}`;
  const lines = [`${style.bold(printable(card))}  ${style.dim(printable(of))}`, summary(check, style)];
  if (contradictions.length > 0) {
    lines.push('', style.bold('The card contradicts itself'));
    for (const each of contradictions) lines.push(...contradictionLines(each, width, style));
  }
  for (const { verdict, mark, title, tone } of GROUPS) {
    const group = claims.filter((claim) => claim.verdict === verdict);
    if (group.length === 0) continue;
    lines.push('', style.bold(title));
    for (const claim of group) lines.push(...claimLines(claim, style[tone](mark), width, style));
  }
  return lines.join('\n');
}

function countsText({ counts, contradictions }: CardCheck): string {
  const parts = [`${counts.true} true`, `${counts.false} false`, `${counts.notCheckable} not checkable`];
  if (contradictions.length > 0) parts.push(counted(contradictions.length, 'contradiction'));
  return parts.join(', ');
}

function summary(check: CardCheck, style: Style): string {
  const { claims, verdict } = check;
  if (claims.length === 0) return 'No claim that is known here was found.';
  const text = `${counted(claims.length, 'claim')}: ${countsText(check)}`;
  return verdict === 'wrong' ? style.bad(text) : style.good(text);
}

function claimLines(claim: CheckedClaim, mark: string, width: number, style: Style): string[] {
  const head = `${padLeft(String(claim.line), 5)}  `;
  const indent = ' '.repeat(9);
  const what = padRight(kindText(claim), KIND_WIDTH - 1);
  const finding = findingText(claim);
  // What is right needs no quote: its line tells where it stands.
  const isTrue = claim.verdict === 'true';
  const text = isTrue ? `${printable(claim.says)}  ${finding}` : claimText(claim);
  const found = isTrue ? '' : finding;
  const [first = '', ...rest] = wrap(text, width - 9 - KIND_WIDTH);
  return [
    `${style.dim(head)}${mark} ${what} ${first}`,
    ...rest.map((line) => indent + ' '.repeat(KIND_WIDTH) + line),
    ...(found === '' ? [] : wrap(found, width - 11).map((line) => `${indent}  ${style.dim(line)}`)),
  ];
}

const KIND_WIDTH = 21;

function kindText({ kind, subject }: CheckedClaim): string {
  return printable(`${kind.replaceAll('-', ' ')}${subject === null ? '' : ` of ${subject}`}`);
}

/** The claim in a few words, then where it is read from. */
function claimText({ says, quote }: CheckedClaim): string {
  return printable(
    quote.includes(says) && quote.length <= says.length + 2 ? says : `${says} “${shortened(quote)}”`,
  );
}

function findingText({ verdict, says, actual, basis, reason }: CheckedClaim): string {
  if (actual === null) return printable(reason);
  const marked = basis === null ? actual : `${actual}, ${basis}`;
  if (verdict === 'true' && actual.startsWith(says)) return printable(`${basis}: ${reason}`);
  return printable(verdict === 'false' ? `is ${marked}: ${reason}` : `${marked}: ${reason}`);
}

const QUOTED = 60;

function shortened(quote: string): string {
  const characters = [...quote];
  return characters.length > QUOTED ? `${characters.slice(0, QUOTED - 1).join('')}…` : quote;
}

function contradictionLines({ message, values }: Contradiction, width: number, style: Style): string[] {
  const said = values.map(
    ({ says, lines }) => `${says} in line${lines.length > 1 ? 's' : ''} ${lines.join(', ')}`,
  );
  const text = printable(`${message}: ${said.join('; ')}`);
  return wrap(text, width - 9).map((line, index) =>
    index === 0 ? `       ${style.bad('✗')} ${line}` : `         ${line}`,
  );
}

const MARKDOWN_MARKS = { true: '✓ true', false: '✗ false', 'not checkable': '? not checkable' } as const;

const CLAIM_COLUMNS: readonly Column<CheckedClaim>[] = [
  { title: 'line', read: ({ line }) => line },
  { title: 'quote', align: 'left', read: ({ quote }) => quote },
  { title: 'claim', align: 'left', read: kindText },
  {
    title: 'verdict',
    align: 'left',
    read: ({ verdict }) => ({
      text: MARKDOWN_MARKS[verdict],
      tone: verdict === 'false' ? 'bold' : 'plain',
    }),
  },
  {
    title: 'value',
    align: 'left',
    read: ({ actual, basis }) => (actual === null || basis === null ? actual : `${actual} (${basis})`),
  },
  { title: 'why', align: 'left', read: ({ reason }) => reason },
];

/** The verdicts as a table, for a pull request. */
export function cardCheckMarkdown(check: CardCheck): string {
  const { card, model, claims, contradictions } = check;
  const of = model === null ? '' : ` against ${escaped(model.fileName)}`;
  return [
    `### ${escaped(card)}${of}`,
    `${countsText(check)}.`,
    ...contradictions.map(
      ({ message, values }) =>
        `- **Contradiction**: ${escaped(message)}: ${values.map(({ says, lines }) => `${escaped(says)} (line ${lines.join(', ')})`).join(', ')}`,
    ),
    ...(claims.length === 0
      ? []
      : [tableMarkdown({ title: '', columns: fillColumns(CLAIM_COLUMNS, claims) })]),
  ].join('\n\n');
}

/** An annotation at the line of each false claim and of each contradiction; nothing where the card is right. */
export function cardCheckGithub({ card, claims, contradictions }: CardCheck): string {
  const falseClaims = claims
    .filter(({ verdict }) => verdict === 'false')
    .map(({ line, kind, says, actual, basis, reason }): Finding => {
      const message = `${says} is ${actual}, ${basis}: ${reason}`;
      return found(kind, message, { file: card, line });
    });
  const denied = contradictions.map(({ message, values }) => {
    const said = values.map(({ says, lines }) => `${says} (line ${lines.join(', ')})`).join('; ');
    return found('contradiction', `${message}: ${said}`, { file: card, line: values[0]?.lines[0] ?? 1 });
  });
  return findingsGithub([...falseClaims, ...denied]);
}

function found(kind: string, message: string, place: Finding['places'][number]): Finding {
  return {
    id: `card/${kind}`,
    level: 'error',
    message,
    title: `card: ${kind.replaceAll('-', ' ')}`,
    places: [place],
  };
}
