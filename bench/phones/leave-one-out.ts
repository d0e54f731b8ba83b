import { groupBy, type PhoneRow } from './rows.ts';
import { median, msPerToken, type Phase, quantile, tableKey, termsOf, trainCosts } from './train.ts';

/** A row beside what was predicted for it by a model that had not seen it. */
export interface Held {
  readonly row: PhoneRow;
  readonly measuredMs: number;
  readonly predictedMs: number;
}

export interface Agreement {
  readonly rows: number;
  readonly medianError: number;
  readonly p90Error: number;
  /** Kendall's tau between measured and predicted order of quantizations, mean over phone, backend and model. */
  readonly tau: number;
  /** Mean over phone and model: every way to run it, backends and quantizations together. */
  readonly tauByPhoneAndModel: number;
}

/** Predicts each model's rows from those of all other models. */
export function leaveOneModelOut(rows: readonly PhoneRow[], phase: Phase): Held[] {
  return [...new Set(rows.map(({ model }) => model))].flatMap((model) => {
    const table = trainCosts(
      rows.filter((row) => row.model !== model),
      phase,
    );
    return rows
      .filter((row) => row.model === model)
      .map((row): Held => {
        const costs = table.get(tableKey(row.device, row.backend));
        let predictedMs = 0;
        for (const [name, amount] of termsOf(row, phase))
          predictedMs += amount * (costs?.get(name) ?? Number.NaN);
        return { row, measuredMs: msPerToken(row, phase), predictedMs };
      });
  });
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

/** Concordant less discordant pairs, and pairs, by group. */
function pairsBy(held: readonly Held[], keyOf: (row: PhoneRow) => string): Map<string, [number, number]> {
  const groups = groupBy(held, ({ row }) => keyOf(row));
  return new Map(
    [...groups].map(([key, group]): [string, [number, number]] => {
      let score = 0;
      let pairs = 0;
      group.forEach((a, index) => {
        for (const b of group.slice(0, index)) {
          score += Math.sign((a.measuredMs - b.measuredMs) * (a.predictedMs - b.predictedMs));
          pairs++;
        }
      });
      return [key, [score, pairs]];
    }),
  );
}

function meanTau(groups: ReadonlyMap<string, readonly [number, number]>): number {
  const taus = [...groups.values()].filter(([, pairs]) => pairs > 0).map(([score, pairs]) => score / pairs);
  return taus.reduce((a, b) => a + b, 0) / taus.length;
}
