import { isAvailable } from '../schema/availability.ts';
import type { CheckedPrompt, KitCheck, KitFinding } from '../schema/kit.ts';
import { formatPhoneRate, gigabytes, MEBI } from '../util/units.ts';
import type { Finding } from './finding.ts';
import { findingsText } from './finding-text.ts';
import type { PhoneCheck } from './report.ts';
import { plainStyle } from './style.ts';
import { speedText as generationText, sustainedLines } from './sustained.ts';
import { type Column, factTable, fillColumns, given, type Table } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';
import { joinSections, printable } from './text-width.ts';

/** The verdict first, then what it stands on: tokens, probabilities, speed and memory, and what was found. */
export function renderKitCheck(
  check: KitCheck,
  { width = 100, style = plainStyle }: Partial<TextLayout> = {},
): string {
  const { verdict, device, model, backend, findings } = check;
  const head =
    verdict === 'wrong'
      ? style.bad(`✗ ${printable(device)} computes something else`)
      : verdict === 'slow'
        ? style.bad(`✗ ${printable(device)} computes what the computer does, slower than asked`)
        : style.good(`✓ ${printable(device)} computes what the computer does`);
  const facts = factTable([
    ['model', printable(model)],
    ['ran on', printable(backend)],
    ['tokens', tokensText(check.prompts)],
    ['ln p', logProbText(check)],
    ['load', `${(check.loadMs / 1000).toFixed(2)} s`],
    ['speed', speedText(check)],
    ['memory', memoryText(check)],
    ...sustainedFacts(check),
  ]);
  return joinSections([
    [head],
    tableText(facts, { width, style }),
    findings.length === 0 ? [] : findingsText(findings.map(findingOf), { width, style }),
  ]);
}

function findingOf({ level, code, message }: KitFinding): Finding {
  return { id: code, level, message, places: [] };
}

function tokensText(prompts: readonly CheckedPrompt[]): string {
  const { same, ties, wrong } = countReplies(prompts);
  const parts = [`${same} of ${prompts.length} replies the same`];
  if (ties > 0) parts.push(`${ties} parted at a near tie`);
  if (wrong > 0) parts.push(`${wrong} wrong`);
  return parts.join(', ');
}

/** Replies that are the computer's, that parted from it where two tokens were as likely, and that parted elsewhere. */
function countReplies(prompts: readonly CheckedPrompt[]): {
  readonly same: number;
  readonly ties: number;
  readonly wrong: number;
} {
  const wrong = prompts.filter(({ divergence }) => divergence !== null && !divergence.isNearTie).length;
  const ties = prompts.filter(({ divergence }) => divergence?.isNearTie).length;
  return { same: prompts.length - wrong - ties, ties, wrong };
}

function logProbText({ logProbs }: KitCheck): string {
  if ('status' in logProbs) return logProbs.reason;
  const { steps, mean, largest, otherTop } = logProbs;
  const other = otherTop === 0 ? 'the same first everywhere' : `another first at ${otherTop}`;
  return `${mean.toFixed(4)} nats off on average, ${largest.toFixed(3)} at most, over ${steps} tokens; ${other}`;
}

function speedText({ speed }: KitCheck): string {
  if ('status' in speed) return speed.reason;
  const { promptTps, generationTps, expected } = speed;
  const measured = `prompt ${formatPhoneRate(promptTps)} tokens/s, generation ${formatPhoneRate(generationTps)}`;
  if ('status' in expected) return `${measured}; nothing to compare with: ${expected.reason}`;
  const { low, high, basis } = expected;
  return `${measured}; ${basis}: ${formatPhoneRate(expected.generationTps)} (${formatPhoneRate(low)} to ${formatPhoneRate(high)})`;
}

function memoryText({ memory }: KitCheck): string {
  if ('status' in memory) return memory.reason;
  const { grownBytes, expectedBytes, expectedAnonymousBytes } = memory;
  return (
    `the app grew by ${gigabytes(Math.max(0, grownBytes))}; estimated ${gigabytes(expectedBytes)}, ` +
    `${gigabytes(expectedAnonymousBytes)} of it not pages of the file`
  );
}

/** What minutes of use say; each fact in a line of its own. */
function sustainedFacts({ sustained }: KitCheck): [string, string][] {
  if (!isAvailable(sustained)) return [['minutes', sustained.reason]];
  const { generation } = sustained;
  return [...(isAvailable(generation) ? [generationText(generation)] : []), ...sustainedLines(sustained)].map(
    (line, index) => [index === 0 ? 'minutes' : '', line],
  );
}

export interface PhoneFinding {
  readonly level: KitFinding['level'];
  readonly text: string;
}

/** What each phone computed, beside what the computer gave and what was expected of the phone. */
const PHONE_COLUMNS: readonly Column<KitCheck>[] = [
  { title: 'model', align: 'left', read: ({ model }) => printable(model) },
  { title: 'ran on', align: 'left', read: ({ backend }) => printable(backend) },
  {
    title: 'computes',
    align: 'left',
    read: ({ verdict }) => (verdict === 'wrong' ? '\u2715 something else' : '\u2713 the same'),
  },
  { title: 'replies', align: 'left', read: repliesText },
  number('ln p off', 'nats, mean', 4, ({ logProbs }) => given(logProbs, ({ mean }) => mean)),
  number('prompt', 't/s', 1, ({ speed }) => given(speed, ({ promptTps }) => promptTps)),
  number('generation', 't/s', 2, ({ speed }) => given(speed, ({ generationTps }) => generationTps)),
  { title: 'expected', unit: 't/s', align: 'left', read: expectedText },
  number('sustained', 't/s', 2, ({ sustained }) =>
    given(sustained, ({ generation }) => given(generation, ({ sustainedTps }) => sustainedTps)),
  ),
  number('app grew', 'MiB', 1, ({ memory }) => given(memory, ({ grownBytes }) => grownBytes / MEBI)),
  number('estimated', 'MiB', 1, ({ memory }) => given(memory, ({ expectedBytes }) => expectedBytes / MEBI)),
  number('load', 's', 2, ({ loadMs }) => loadMs / 1000),
];

function number(
  title: string,
  unit: string,
  decimals: number,
  read: Column<KitCheck>['read'],
): Column<KitCheck> {
  return { title, unit, read, precision: { significant: Number.POSITIVE_INFINITY, most: decimals } };
}

/** One row per phone, with the columns that at least one has something for. */
export function phoneTable(title: string, phones: readonly PhoneCheck[]): Table {
  const columns = fillColumns(
    PHONE_COLUMNS,
    phones.map(({ check }) => check),
  );
  return {
    title,
    heads: phones.map(({ label }) => ({ name: printable(label) })),
    columns: columns.filter(({ cells }) => cells.some(({ text }) => text !== null)),
  };
}

/** What was found on a phone, a sentence each, and why it gave no figures. */
export function phoneFindings({ label, check }: PhoneCheck): PhoneFinding[] {
  const { findings, logProbs, speed, memory } = check;
  const parts = { 'log-probabilities': logProbs, speed, memory };
  const missing = Object.entries(parts).flatMap(([name, part]) =>
    isAvailable(part) ? [] : [`no ${name}: ${part.reason}`],
  );
  return [
    ...findings.map(({ level, code, message }) => ({ level, said: `${level} ${code}: ${message}` })),
    ...missing.map((said) => ({ level: 'note' as const, said })),
  ].map(({ level, said }) => ({ level, text: `${printable(label)}: ${printable(said)}` }));
}

function repliesText({ prompts }: KitCheck): string {
  const { same, ties, wrong } = countReplies(prompts);
  const tied = ties === 0 ? '' : `, ${ties} near tie`;
  return `${same} of ${prompts.length} same${tied}${wrong === 0 ? '' : `, ${wrong} wrong`}`;
}

function expectedText({ speed }: KitCheck): string | null {
  if (!isAvailable(speed) || !isAvailable(speed.expected)) return null;
  const { low, high, basis } = speed.expected;
  return `${low.toFixed(2)} to ${high.toFixed(2)} (${basis})`;
}
