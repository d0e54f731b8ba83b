import type { CardCheck, CheckedClaim, Contradiction } from '../../schema/card-check.ts';
import { plainStyle, type Style } from '../style.ts';
import { padLeft, padRight, printable, wrap } from '../text-width.ts';

export interface CardCheckLayout {
  readonly width?: number;
  readonly style?: Style;
}

const GROUPS = [
  { verdict: 'false', mark: '✗', title: 'False' },
  { verdict: 'true', mark: '✓', title: 'True' },
  { verdict: 'not checkable', mark: '?', title: 'Not checkable' },
] as const;

/** What is wrong first: contradictions, false claims with the right value, true ones, and those nobody can test. */
export function renderCardCheck(
  check: CardCheck,
  { width = 100, style = plainStyle }: CardCheckLayout = {},
): string {
  const { card, model, claims, contradictions } = check;
  const of = model === null ? 'read without a model' : `${model.fileName}, ${model.label}`;
  const lines = [`${style.bold(printable(card))}  ${style.dim(printable(of))}`, summary(check, style)];
  if (contradictions.length > 0) {
    lines.push('', style.bold('The card contradicts itself'));
    for (const each of contradictions) lines.push(...contradictionLines(each, width, style));
  }
  for (const { verdict, mark, title } of GROUPS) {
    const group = claims.filter((claim) => claim.verdict === verdict);
    if (group.length === 0) continue;
    const ink = { false: style.bad, true: style.good, 'not checkable': style.dim }[verdict];
    lines.push('', style.bold(title));
    for (const claim of group) lines.push(...claimLines(claim, mark, ink, width, style));
  }
  return lines.join('\n');
}

export function countsText({ counts, contradictions }: CardCheck): string {
  const parts = [`${counts.true} true`, `${counts.false} false`, `${counts.notCheckable} not checkable`];
  if (contradictions.length > 0) {
    parts.push(`${contradictions.length} contradiction${contradictions.length === 1 ? '' : 's'}`);
  }
  return parts.join(', ');
}

function summary(check: CardCheck, style: Style): string {
  const { claims, verdict } = check;
  if (claims.length === 0) return 'No claim that is known here was found.';
  const text = `${claims.length} claim${claims.length === 1 ? '' : 's'}: ${countsText(check)}`;
  return verdict === 'wrong' ? style.bad(text) : style.good(text);
}

function claimLines(
  claim: CheckedClaim,
  mark: string,
  ink: Style['dim'],
  width: number,
  style: Style,
): string[] {
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
    `${style.dim(head)}${ink(mark)} ${what} ${first}`,
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
