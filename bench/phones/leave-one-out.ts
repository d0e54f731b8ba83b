import type { FittedBackend, Interval } from '../../src/schema/phone-data.ts';
import { groupBy, type SpeedRow } from './rows.ts';
import { median, msPerToken, type Phase, quantile, tableKey, termsOf, trainCosts } from './train.ts';

/** A row beside what was predicted for it by a model that had not seen it. */
export interface Held {
  readonly row: SpeedRow;
  readonly measuredMs: number;
  readonly predictedMs: number;
}

/** Which rows are left out together. */
export const FOLDS = {
  model: ({ model }: SpeedRow) => model,
  'model on one phone': ({ model, device }: SpeedRow) => `${model} ${device}`,
  'quantization on one phone': ({ label, device }: SpeedRow) => `${label} ${device}`,
} as const;

/** Predicts each fold's rows from all others. */
export function leaveOut(
  rows: readonly SpeedRow[],
  phase: Phase,
  foldOf: (row: SpeedRow) => string = FOLDS.model,
): Held[] {
  return [...groupBy(rows, foldOf)].flatMap(([fold, left]) => {
    const table = trainCosts(
      rows.filter((row) => foldOf(row) !== fold),
      phase,
    );
    return left.map((row): Held => {
      const costs = table.get(tableKey(row.device, row.backend));
      let predictedMs = 0;
      for (const [name, amount] of termsOf(row, phase))
        predictedMs += amount * (costs?.get(name) ?? Number.NaN);
      return { row, measuredMs: msPerToken(row, phase), predictedMs };
    });
  });
}

/** Rows of one model err together, so the residuals' middle 91 % are what holds 90 % of another model's: see `coverage`. */
const TAIL = 0.045;

/** Factors on a predicted speed between which the measured ones were; one for all phones of a backend. */
export function intervalOf(held: readonly Held[]): Interval {
  const factors = held.map(factorOf);
  return {
    low: Number(quantile(factors, TAIL).toFixed(3)),
    high: Number(quantile(factors, 1 - TAIL).toFixed(3)),
  };
}

const factorOf = ({ measuredMs, predictedMs }: Held): number => predictedMs / measuredMs;

/** Of each row, whether it was within the interval that was computed, as the prediction, without its model. */
export function coverage(
  rows: readonly SpeedRow[],
  phase: Phase,
  held: readonly Held[],
): { readonly row: SpeedRow; readonly isWithin: boolean }[] {
  return [...groupBy(held, ({ row }) => row.model)].flatMap(([model, ofModel]) => {
    const inner = groupBy(
      leaveOut(
        rows.filter((row) => row.model !== model),
        phase,
      ),
      ({ row }) => row.backend,
    );
    const intervals = new Map([...inner].map(([backend, of]) => [backend, intervalOf(of)]));
    return ofModel.map((one) => {
      const { low = Number.NaN, high = Number.NaN } = intervals.get(one.row.backend) ?? {};
      const factor = factorOf(one);
      return { row: one.row, isWithin: factor >= low && factor <= high };
    });
  });
}

/** Of each backend, the share of rows within. */
export function coverageByBackend(covered: ReturnType<typeof coverage>): Record<FittedBackend, number> {
  const share = (backend: FittedBackend): number => {
    const own = covered.filter(({ row }) => row.backend === backend);
    return Number((own.filter(({ isWithin }) => isWithin).length / own.length).toFixed(4));
  };
  return { cpu: share('cpu'), opencl: share('opencl'), hexagon: share('hexagon') };
}

/**
 * Rows of one phone, backend and quantization of two models of one shape, whose layers are the same work, each pair as
 * if one predicted the other: how far measurements agree among themselves.
 */
export function replicates(
  rows: readonly SpeedRow[],
  phase: Phase,
  shapeOf: (row: SpeedRow) => string,
): Held[] {
  const alike = groupBy(rows, (row) => `${row.device} ${row.backend} ${row.label} ${shapeOf(row)}`);
  return [...alike.values()].flatMap(([row, other]) =>
    row === undefined || other === undefined
      ? []
      : [{ row, measuredMs: msPerToken(row, phase), predictedMs: msPerToken(other, phase) }],
  );
}

/** Kendall's: concordant less discordant pairs, over all pairs (a), or with ties left out on either side (b). */
export interface Tau {
  readonly a: number;
  readonly b: number;
}

export interface Agreement {
  readonly rows: number;
  readonly medianError: number;
  readonly p90Error: number;
  /** Between measured and predicted order of quantizations, mean over phone, backend and model. */
  readonly tau: Tau;
  /** Mean over phone and model: every way to run it, backends and quantizations together. */
  readonly tauByPhoneAndModel: Tau;
}

export function agreementOf(held: readonly Held[]): Agreement {
  const errors = held.map(errorOf);
  const byBackend = pairsBy(held, ({ device, backend, model }) => `${device} ${backend} ${model}`);
  const everything = pairsBy(held, ({ device, model }) => `${device} ${model}`);
  return {
    rows: held.length,
    medianError: median(errors),
    p90Error: quantile(errors, 0.9),
    tau: meanTau(byBackend),
    tauByPhoneAndModel: meanTau(everything),
  };
}

/** Of a speed: how far predicted tokens a second are from the measured ones. */
export const errorOf = ({ measuredMs, predictedMs }: Held): number => Math.abs(measuredMs / predictedMs - 1);

interface Pairs {
  readonly score: number;
  readonly all: number;
  readonly untiedMeasured: number;
  readonly untiedPredicted: number;
}

function pairsBy(held: readonly Held[], keyOf: (row: SpeedRow) => string): Pairs[] {
  return [...groupBy(held, ({ row }) => keyOf(row)).values()].map((group) => {
    const pairs = group.flatMap((a, index) =>
      group.slice(0, index).map((b) => ({
        measured: Math.sign(a.measuredMs - b.measuredMs),
        predicted: Math.sign(a.predictedMs - b.predictedMs),
      })),
    );
    return {
      score: pairs.reduce((sum, { measured, predicted }) => sum + measured * predicted, 0),
      all: pairs.length,
      untiedMeasured: pairs.filter(({ measured }) => measured !== 0).length,
      untiedPredicted: pairs.filter(({ predicted }) => predicted !== 0).length,
    };
  });
}

function meanTau(groups: readonly Pairs[]): Tau {
  const ordered = groups.filter(
    ({ untiedMeasured, untiedPredicted }) => untiedMeasured > 0 && untiedPredicted > 0,
  );
  const mean = (of: (pairs: Pairs) => number) =>
    ordered.reduce((sum, pairs) => sum + of(pairs), 0) / ordered.length;
  return {
    a: mean(({ score, all }) => score / all),
    b: mean(
      ({ score, untiedMeasured, untiedPredicted }) => score / Math.sqrt(untiedMeasured * untiedPredicted),
    ),
  };
}
