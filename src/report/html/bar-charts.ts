import { percentAxis, ticksIn, valueAxis } from './axes.ts';
import { COLORS, type Color } from './colors.ts';
import type { Markup } from './markup.ts';
import { rowChart } from './row-chart.ts';
import { labelsAt, type Whisker, whiskers } from './whisker.ts';

/** A bar with its error. */
export interface Bar {
  readonly row: number;
  readonly name: string;
  readonly value: number;
  readonly error: number;
  /** The value as the tables write it. */
  readonly text: string;
  readonly isRecommended: boolean;
}

const ROW_HEIGHT = 30;
const BAR_WIDTH = 16;

/** Horizontal bars with error whiskers, the variant to ship in color. */
export function barChart(label: string, unit: string, bars: readonly Bar[]): Markup {
  const errors: Whisker[] = bars.flatMap(({ value, error }, y) =>
    error > 0 ? [{ low: Math.max(0, value - error), high: value + error, y }] : [],
  );
  const data = bars.map(({ value, isRecommended }) => ({
    value,
    itemStyle: { color: isRecommended ? COLORS.accent : COLORS.bar, borderRadius: [0, 2, 2, 0] },
  }));
  const labels = bars.map(({ value, error, text }, y) => ({
    x: value + error,
    y,
    text: text.split(' ')[0] ?? '',
  }));
  return rowChart(
    label,
    bars.map(({ name }) => name),
    {
      rowHeight: ROW_HEIGHT,
      right: 58,
      marks: bars.map(({ name, value, text, row }, y) => ({
        at: [value, y],
        text: `${name}: ${text} ${unit}`,
        row,
      })),
      xAxis: (width) => valueAxis(unit, { min: 0, ...ticksIn(width) }),
      series: [{ type: 'bar', silent: true, barWidth: BAR_WIDTH, data }, whiskers(errors), labelsAt(labels)],
    },
  );
}

/** Parts of a whole, each in its color. */
export interface StackedBar {
  readonly row: number;
  readonly name: string;
  readonly parts: readonly { readonly part: string; readonly value: number; readonly text: string }[];
  /** Written at the bar's end. */
  readonly total: string;
}

export interface StackOptions {
  readonly unit: string;
  readonly colors: ReadonlyMap<string, Color>;
  /** Of 100 %. */
  readonly isFraction?: boolean;
  /** Dashed lines across. */
  readonly lines?: readonly number[];
}

/** Horizontal bars of parts in the order of `colors`. */
export function stackedChart(label: string, bars: readonly StackedBar[], options: StackOptions): Markup {
  const { unit, colors, isFraction = false, lines = [] } = options;
  const totals = bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0));
  const marks = bars.flatMap(({ name, row, parts }, y) => {
    let end = 0;
    return parts.map(({ part, value, text }) => {
      end += value;
      return { at: [end - value / 2, y] as const, text: `${name}, ${part}: ${text}`, row };
    });
  });
  const markLine = {
    silent: true,
    symbol: 'none',
    lineStyle: { color: COLORS.limit, type: [4, 4], width: 1.25 },
    label: { show: false },
    data: lines.map((at) => ({ xAxis: at })),
  };
  const series = [...colors].map(([part, color], index) => ({
    type: 'bar',
    stack: 'all',
    silent: true,
    barWidth: BAR_WIDTH,
    itemStyle: { color: COLORS[color], borderColor: COLORS.surface, borderWidth: 0.75 },
    data: bars.map(({ parts }) => parts.find((each) => each.part === part)?.value ?? 0),
    ...(index === 0 && lines.length > 0 ? { markLine } : {}),
  }));
  return rowChart(
    label,
    bars.map(({ name }) => name),
    {
      rowHeight: ROW_HEIGHT,
      right: 66,
      marks,
      xAxis: (width) => (isFraction ? percentAxis(unit, 0) : valueAxis(unit, { min: 0, ...ticksIn(width) })),
      series: [...series, labelsAt(bars.map(({ total }, y) => ({ x: totals[y] ?? 0, y, text: total })))],
    },
  );
}
