import { isAvailable } from '../schema/availability.ts';
import type { Change } from '../schema/report.ts';
import { formatPValue } from './numbers.ts';

/** One change as a person reads it. */
export interface ChangeLine {
  readonly variant: string;
  readonly label: string;
  readonly before: string;
  readonly after: string;
  /** Relative, or in points where the figure is a share. */
  readonly difference: string;
  readonly pValue: string;
  readonly verdict: Change['verdict'];
  readonly method: string;
}

const MEBI = 1024 ** 2;

export function changeLines(changes: readonly Change[]): ChangeLine[] {
  return changes.map((change) => ({
    variant: change.variant,
    label: change.label,
    before: figureText(change.before, change.unit),
    after: figureText(change.after, change.unit),
    difference: differenceText(change),
    pValue: change.pValue === null ? '' : formatPValue(change.pValue),
    verdict: change.verdict,
    method: change.method,
  }));
}

/** Changes that say something: beyond noise, worst first. */
export function notable(changes: readonly Change[]): Change[] {
  const rank = { worse: 0, better: 1, unknown: 2, 'within noise': 3 } as const;
  return changes
    .filter(({ verdict }) => verdict === 'worse' || verdict === 'better')
    .sort((a, b) => rank[a.verdict] - rank[b.verdict]);
}

/** How many are better, worse and neither, as a sentence. */
export function changeSummary(changes: readonly Change[]): string {
  const count = (verdict: Change['verdict']) => changes.filter((change) => change.verdict === verdict).length;
  const [worse, better] = [count('worse'), count('better')];
  const rest = `${count('within noise')} within noise, ${count('unknown')} cannot be judged`;
  if (worse + better === 0) return `Nothing changed beyond noise: ${rest}.`;
  return `Beyond noise, ${worse} figure${worse === 1 ? '' : 's'} worse and ${better} better; ${rest}.`;
}

function figureText(figure: Change['before'], unit: Change['unit']): string {
  if (!isAvailable(figure)) return '';
  switch (unit) {
    case 'bytes':
      return `${(figure / MEBI).toFixed(2)} MiB`;
    case 'tokens/s':
      return `${significant(figure)} t/s`;
    case 'ms':
      return `${significant(figure)} ms`;
    case 'nats':
      return figure.toFixed(5);
    case 'share':
      return `${(figure * 100).toFixed(2)} %`;
    case 'ratio':
      return significant(figure);
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
