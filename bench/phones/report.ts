import type { Interval } from '../../src/schema/phone-data.ts';
import {
  type Agreement,
  agreementOf,
  coverage,
  coverageByBackend,
  FOLDS,
  type Held,
  leaveOut,
  replicates,
} from './leave-one-out.ts';
import { groupBy, measured, type SpeedRow } from './rows.ts';
import type { Phase } from './train.ts';

/** The lines that `fit-speed-model.ts` prints for a phase: what the model is worth on rows that it has not seen. */
export function validationReport(
  rows: readonly SpeedRow[],
  phase: Phase,
  held: readonly Held[],
): readonly string[] {
  const covered = coverage(rows, phase, held);
  const within = groupBy(covered, ({ row }) => placeOf(row));
  const byPlace = groupBy(held, ({ row }) => placeOf(row));
  return [
    '',
    `${phase}, left out:`.padEnd(46) + HEAD,
    ...Object.entries(FOLDS).map(([what, foldOf]) =>
      line(what, agreementOf(what === 'model' ? held : leaveOut(rows, phase, foldOf))),
    ),
    line(
      'two measurements of the same layers',
      agreementOf(replicates(rows, phase, ({ model }) => String(measured.shapes[model]))),
    ),
    `${phase}, a model left out:`.padEnd(46) + HEAD,
    ...[...byPlace].map(
      ([place, part]) =>
        `${line(place, agreementOf(part))}   ${percent(shareWithin(within.get(place) ?? []))} within`,
    ),
    `  within an interval computed without the model, which is to hold 90 %: ${percent(shareWithin(covered))} of the rows; ${Object.entries(
      coverageByBackend(covered),
    )
      .map(([backend, share]) => `${backend} ${percent(share)}`)
      .join(', ')}`,
    `${phase}, Phi-3.5-mini left out, its measured speeds against the predicted:`,
    ...[...byPlace].flatMap(([place, part]) => ofModel('phi-3.5-mini', place, part)),
  ];
}

/** Kendall's tau over all pairs (a) and without ties (b): within one backend, then over all backends of a phone and model. */
const HEAD = 'rows  median  90th %   tau-a   tau-b   all: a       b';

function line(what: string, { rows, medianError, p90Error, tau, tauByPhoneAndModel }: Agreement): string {
  const taus = [tau.a, tau.b, tauByPhoneAndModel.a, tauByPhoneAndModel.b].map((value) => value.toFixed(3));
  const cells = [String(rows), percent(medianError), percent(p90Error), ...taus];
  return `  ${what.padEnd(40)}${cells.map((cell) => cell.padStart(8)).join('')}`;
}

function ofModel(model: string, place: string, held: readonly Held[]): string[] {
  const own = held.filter(({ row }) => row.model === model);
  if (own.length === 0) return [];
  const errors = own.map(
    ({ row, measuredMs, predictedMs }) => `${row.label} ${signed(predictedMs / measuredMs - 1)}`,
  );
  return [`  ${place.padEnd(20)}${errors.join(', ')}`];
}

const placeOf = ({ device, backend }: SpeedRow): string => `${device} ${backend}`;

function shareWithin(rows: readonly { readonly isWithin: boolean }[]): number {
  return rows.filter(({ isWithin }) => isWithin).length / rows.length;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function signed(share: number): string {
  return `${share < 0 ? '' : '+'}${(100 * share).toFixed(0)} %`;
}

export function shown({ low, high }: Interval): string {
  return `${low.toFixed(2)} to ${high.toFixed(2)}`;
}
