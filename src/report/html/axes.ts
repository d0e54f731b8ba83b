import { INKS } from './inks.ts';

/** Axes that all charts share: thin lines, figures in the text's own size, units with the name. */

const text = { color: INKS.muted, fontSize: 12 } as const;
const splitLine = { lineStyle: { color: INKS.line, width: 1 } } as const;

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

/** Whole decades around the values, which must be above 0. */
export function logAxis(name: string, values: readonly number[], extra: object = {}): object {
  const [min, max] = decadesAround(values);
  return valueAxis(name, { type: 'log', min, max, ...extra });
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

/** Names down the side, the first on top. */
export function nameAxis(names: readonly string[], width: number): object {
  return {
    type: 'category',
    inverse: true,
    data: names,
    axisLabel: { color: INKS.ink, fontSize: 12, width, overflow: 'truncate', interval: 0 },
    axisLine: { show: false },
    axisTick: { show: false },
  };
}

function plainNumber(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.9e-4) return value.toExponential(0).replace('e-', 'e\u2212');
  return Math.abs(value) >= 1000
    ? String(value).replace(/\B(?=(\d{3})+$)/g, ',')
    : String(Number(value.toPrecision(4)));
}

/** Room for names: as wide as the longest, within a third of the drawing. */
export function nameRoom(names: readonly string[], width: number): number {
  const longest = Math.max(0, ...names.map((name) => name.length));
  return Math.min(Math.round(width / 3), 20 + Math.ceil(longest * 7.6));
}
