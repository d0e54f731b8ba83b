/** One figure of both sides, and what must hold of it. */
export interface Row {
  readonly subject: string;
  /** The file's name. */
  readonly file: string;
  readonly figure: string;
  readonly unit: Unit;
  /** null where a side could not tell. */
  readonly ours: number | null;
  readonly theirs: number | null;
  /** ours over theirs; null without both. */
  readonly ratio: number | null;
  /** In words; null where nothing is promised. */
  readonly limit: string | null;
  readonly verdict: 'pass' | 'fail' | 'none' | 'unavailable';
}

export type Unit = 'tokens/s' | 'bytes' | 'ms' | 'perplexity' | 'nats' | 'percent';

export interface Limit {
  readonly text: string;
  readonly holds: (ours: number, theirs: number) => boolean;
}

export const within = (share: number): Limit => ({
  text: `±${percent(share)}`,
  holds: (ours, theirs) => Math.abs(ours - theirs) <= share * Math.abs(theirs),
});

export const atMost = (factor: number, slackBytes = 0): Limit => ({
  text: slackBytes === 0 ? `≤ ${factor} ×` : `≤ ${factor} × + ${slackBytes / 1e6} MB`,
  holds: (ours, theirs) => ours <= factor * theirs + slackBytes,
});

/** Within `share`, and what the other's last printed digit leaves open. */
export const withinPrinted = (share: number, digit: number): Limit => ({
  text: `±${percent(share)}`,
  holds: (ours, theirs) => Math.abs(ours - theirs) <= share * Math.abs(theirs) + digit / 2,
});

export function compareFigures(
  what: Pick<Row, 'subject' | 'file' | 'figure' | 'unit'>,
  ours: number | null,
  theirs: number | null,
  limit: Limit | null,
): Row {
  const isKnown = ours !== null && theirs !== null && Number.isFinite(ours) && Number.isFinite(theirs);
  const ratio = isKnown && theirs !== 0 ? ours / theirs : null;
  const verdict = !isKnown
    ? 'unavailable'
    : limit === null
      ? 'none'
      : limit.holds(ours, theirs)
        ? 'pass'
        : 'fail';
  return { ...what, ours, theirs, ratio, limit: limit?.text ?? null, verdict };
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
