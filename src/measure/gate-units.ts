import { UsageError } from '../util/errors.ts';
import type { FigureUnit } from './gate-figures.ts';
import type { WrittenNumber } from './gate-scanner.ts';

/** The number a figure is compared with. */
export interface Limit {
  /** In the figure's own unit. */
  readonly value: number;
  /** What it was written in, and how many of the figure's units that is. */
  readonly unit: string;
  readonly scale: number;
  /** Whether it was not written but reckoned, and so has more digits than it means. */
  readonly isReckoned?: boolean;
}

const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

const MILLISECONDS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  min: 60_000,
};

/** The units a figure's limit may be written in, with how many of the figure's own each is. */
const UNITS: Readonly<Record<FigureUnit, Readonly<Record<string, number>>>> = {
  bytes: BYTES,
  'bytes/s': {
    ...BYTES,
    ...Object.fromEntries(Object.entries(BYTES).map(([unit, scale]) => [`${unit}/s`, scale])),
  },
  ms: MILLISECONDS,
  share: { '%': 0.01 },
  'tokens/s': { 't/s': 1 },
  count: {},
  number: {},
};

/**
 * A limit in the unit of its figure; without a unit the number is in the figure's own.
 * @param where how errors name the figure
 * @throws UsageError `gate/unit`
 */
export function parseLimit({ value, unit }: WrittenNumber, figure: FigureUnit, where: string): Limit {
  if (unit === '') return { value, unit: '', scale: 1 };
  const known = UNITS[figure];
  const name = Object.keys(known).find((each) => each.toLowerCase() === unit.toLowerCase());
  const scale = name === undefined ? undefined : known[name];
  if (name !== undefined && scale !== undefined) {
    // 80 * 0.01 is not 0.8: a percentage is a division.
    return { value: name === '%' ? value / 100 : value * scale, unit: name, scale };
  }
  const allowed = Object.keys(known);
  const kind = figure === 'count' || figure === 'number' ? 'a plain number' : `in ${figure}`;
  throw new UsageError('gate/unit', `${where} is ${kind}, and the limit is in ${unit}`, {
    hint:
      allowed.length === 0
        ? 'Write the number without a unit.'
        : `Write the number as it is, or with ${allowed.join(', ')}.`,
  });
}

/** A limit that was reckoned, in the unit of its figure. */
export function limitIn(figure: FigureUnit, value: number): Limit {
  if (figure === 'share') return { value, unit: '%', scale: 0.01, isReckoned: true };
  const unit =
    figure === 'bytes'
      ? 'MB'
      : figure === 'bytes/s'
        ? 'GB/s'
        : figure === 'ms'
          ? 'ms'
          : figure === 'tokens/s'
            ? 't/s'
            : '';
  return { value, unit, scale: UNITS[figure][unit] ?? 1, isReckoned: true };
}

/** A value in the unit of the limit, with enough digits to be told from it. */
export function formatBeside(value: number, { value: limit, unit, scale }: Limit): string {
  const shown = (number: number, digits: number) => {
    const inUnit = unit === '%' ? number * 100 : number / scale;
    return Number(inUnit.toPrecision(digits));
  };
  let digits = 4;
  while (digits < 17 && value !== limit && shown(value, digits) === shown(limit, 12)) digits++;
  return withUnit(shown(value, digits), unit);
}

/** The limit as it was written. */
export function formatLimit({ value, unit, scale, isReckoned = false }: Limit): string {
  return withUnit(
    Number((unit === '%' ? value * 100 : value / scale).toPrecision(isReckoned ? 6 : 12)),
    unit,
  );
}

function withUnit(value: number, unit: string): string {
  return unit === '' ? String(value) : `${value} ${unit}`;
}
