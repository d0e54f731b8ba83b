import { COLORS } from './colors.ts';

/** Axes that all charts share: thin lines, figures in the text's own size, units with the name. */

const text = { color: COLORS.muted, fontSize: 12 } as const;
const splitLine = { lineStyle: { color: COLORS.line, width: 1 } } as const;

export function valueAxis(name: string, extra: object = {}): object {
  return {
    type: 'value',
    name,
    nameLocation: 'middle',
    nameGap: 30,
    nameTextStyle: text,
    axisLabel: { ...text, formatter: plainNumber, hideOverlap: true },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine,
    splitNumber: 4,
    ...extra,
  };
}

/** Pixels that the label of a tick and the gap to the next take. */
const TICK_ROOM = 60;

/** As many parts as labels have room for: what overlaps would be left out, and leave gaps. */
export function ticksIn(width: number): { readonly splitNumber: number } {
  return { splitNumber: Math.max(2, Math.min(4, Math.floor(width / TICK_ROOM))) };
}

const PERCENT_STEP = 20;

/** To 100 %, from the step below the lowest value. */
export function percentAxis(name: string, lowest: number): object {
  const min = Math.min(100 - PERCENT_STEP, Math.floor(lowest / PERCENT_STEP) * PERCENT_STEP);
  return valueAxis(name, { min, max: 100, interval: PERCENT_STEP });
}

/** Pixels of a decade below which only every second one is labelled. */
const DECADE_ROOM = 42;

/** Whole decades around the values, which must be above 0, along so many pixels. */
export function logAxis(name: string, values: readonly number[], width: number, extra: object = {}): object {
  const [min, max] = decadesAround(values);
  const decades = Math.round(Math.log10(max / min));
  const isSpare = (value: number) => width / decades < DECADE_ROOM && Math.round(Math.log10(value)) % 2 !== 0;
  const formatter = (value: number) => (isSpare(value) ? '' : plainNumber(value));
  return valueAxis(name, { type: 'log', min, max, axisLabel: { ...text, formatter }, ...extra });
}

/** Within what a drawing can scale; beyond it a figure is no measurement, and stands in the tables alone. */
export function isDrawable(value: number): boolean {
  return value > 1e-12 && value < 1e15;
}

export function decadesAround(values: readonly number[]): [min: number, max: number] {
  const low = 10 ** Math.floor(Math.log10(Math.min(...values) * 0.8));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values) * 1.1));
  return [low, high > low ? high : low * 10];
}

function plainNumber(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.9e-4) return value.toExponential(0).replace('e-', 'e\u2212');
  return Math.abs(value) >= 1000
    ? String(value).replace(/\B(?=(\d{3})+$)/g, ',')
    : String(Number(value.toPrecision(4)));
}
