import { isAvailable } from '../schema/availability.ts';
import type { Change } from '../schema/report.ts';
import { counted, MEBI } from '../util/units.ts';
import { formatPValue } from './numbers.ts';
import type { Report } from './report.ts';
import { plainStyle } from './style.ts';
import { type Column, fillColumns, type Table } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';
import { printable, wrap } from './text-width.ts';

/** What changed since a baseline. */

type Comparison = Report['changes'][number]['comparison'];

const COLUMNS: readonly Column<Change>[] = [
  { title: 'metric', align: 'left', read: ({ label }) => label },
  { title: 'before', read: ({ before, unit }) => valueText(before, unit) },
  { title: 'now', read: ({ after, unit }) => valueText(after, unit) },
  { title: 'change', read: differenceText },
  {
    title: 'verdict',
    align: 'left',
    read: ({ verdict }) => ({ text: verdict, tone: TONES[verdict] }),
  },
  { title: 'p', read: ({ pValue }) => (pValue === null ? '' : formatPValue(pValue)) },
];
const TONES = {
  worse: 'bad',
  better: 'good',
  'within noise': 'quiet',
  disturbed: 'warn',
  unknown: 'quiet',
} as const;

/** One row per change, under the variant's name. */
export function changeTable(changes: readonly Change[]): Table {
  const heads = changes.map(({ variant }) => ({ name: printable(variant) }));
  return { title: 'variant', heads, columns: fillColumns(COLUMNS, changes) };
}

/** What changed beyond noise since a baseline, as lines for a terminal. */
export function renderChanges(
  { comparison }: Report['changes'][number],
  { width = 100, style = plainStyle }: Partial<TextLayout> = {},
): string {
  const { baseline, changes } = comparison;
  const told = notable(changes);
  return [
    style.bold(sinceText(baseline)),
    ...wrap(printable(changeSentences(comparison).join(' ')), width),
    ...(told.length === 0 ? [] : tableText(changeTable(told), { width, style })),
  ].join('\n');
}

/** Every figure since a baseline in a line of its own, better, worse or within noise: for a terminal. */
export function renderEveryChange(
  { comparison }: Report['changes'][number],
  { width = 100, style = plainStyle }: Partial<TextLayout> = {},
): string {
  const { baseline, changes } = comparison;
  return [style.bold(sinceText(baseline)), ...tableText(changeTable(changes), { width, style })].join('\n');
}

/** `Since 2026-03-14, quantscope 0.1.0`: what is reckoned has no time. */
export function sinceText(baseline: Comparison['baseline']): string {
  if (baseline === null) return 'Since the baseline';
  return `Since ${baseline.createdAt.slice(0, 10)}, quantscope ${printable(baseline.toolVersion)}`;
}

/** How many values are better and worse, what is not the same in both runs, and variants of one of them alone. */
export function changeSentences({ changes, notes, added, removed }: Comparison): string[] {
  return [
    changeSummary(changes),
    ...notes,
    ...(added.length > 0 ? [`New: ${added.join(', ')}.`] : []),
    ...(removed.length > 0 ? [`Gone: ${removed.join(', ')}.`] : []),
  ];
}

/** Changes that say something: beyond noise, worst first. */
export function notable(changes: readonly Change[]): Change[] {
  const rank = { worse: 0, better: 1, disturbed: 2, unknown: 3, 'within noise': 4 } as const;
  return changes
    .filter(({ verdict }) => verdict === 'worse' || verdict === 'better')
    .sort((a, b) => rank[a.verdict] - rank[b.verdict]);
}

/** How many are better, worse and neither, as a sentence. */
function changeSummary(changes: readonly Change[]): string {
  const count = (verdict: Change['verdict']) => changes.filter((change) => change.verdict === verdict).length;
  const [worse, better] = [count('worse'), count('better')];
  const disturbed = count('disturbed');
  const rest =
    `${count('within noise')} within noise, ` +
    (disturbed === 0 ? '' : `${disturbed} measured on a disturbed machine, `) +
    `${count('unknown')} cannot be judged`;
  if (worse + better === 0) return `Nothing changed beyond noise: ${rest}.`;
  return `Beyond noise, ${counted(worse, 'metric')} worse and ${better} better; ${rest}.`;
}

export function valueText(value: Change['before'], unit: Change['unit']): string {
  if (!isAvailable(value)) return '';
  switch (unit) {
    case 'bytes':
      return `${(value / MEBI).toFixed(2)} MiB`;
    case 'tokens/s':
      return `${significant(value)} t/s`;
    case 'ms':
      return `${significant(value)} ms`;
    case 'nats':
      return value.toFixed(5);
    case 'share':
      return `${(value * 100).toFixed(2)} %`;
    case 'ratio':
      return significant(value);
  }
}

/** Four significant digits, without an exponent. */
function significant(value: number): string {
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}

function differenceText({ before, after, unit }: Change): string {
  if (!isAvailable(before) || !isAvailable(after)) return '';
  if (unit === 'share') return `${signed((after - before) * 100, 2)} points`;
  if (before === 0) return after === 0 ? '0.0 %' : '';
  return `${signed((after / before - 1) * 100, 1)} %`;
}

function signed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return Number(text) > 0 ? `+${text}` : text.replace(/^-(?=[0.]+$)/, '').replace('-', '\u2212');
}
