import { nameAxis, nameRoom, percentAxis, ticksIn, valueAxis } from './axes.ts';
import { chart, type Drawing } from './chart.ts';
import { COLORS, type Color } from './colors.ts';
import type { Markup } from './markup.ts';
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

/** Horizontal bars with error whiskers, the variant to ship in color. */
export function barChart(label: string, unit: string, bars: readonly Bar[]): Markup {
  return chart(label, (width): Drawing => {
    const names = bars.map(({ name }) => name);
    const left = nameRoom(names, width);
    const errors: Whisker[] = bars.flatMap(({ value, error }, y) =>
      error > 0 ? [{ low: value - error, high: value + error, y }] : [],
    );
    return {
      height: bars.length * ROW_HEIGHT + 52,
      marks: bars.map((bar, y) => ({
        at: [bar.value, y],
        text: `${bar.name}: ${bar.text} ${unit}`,
        row: bar.row,
      })),
      option: {
        grid: { left, right: 58, top: 6, bottom: 44 },
        xAxis: valueAxis(unit, { min: 0, ...ticksIn(width - left - 58) }),
        yAxis: nameAxis(names, left - 12),
        series: [
          {
            type: 'bar',
            silent: true,
            barWidth: 16,
            data: bars.map(({ value, isRecommended }) => ({
              value,
              itemStyle: { color: isRecommended ? COLORS.accent : COLORS.bar, borderRadius: [0, 2, 2, 0] },
            })),
          },
          whiskers(errors),
          labelsAt(
            bars.map(({ value, error, text }, y) => ({
              x: value + error,
              y,
              text: text.split(' ')[0] ?? '',
            })),
          ),
        ],
      },
    };
  });
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
  return chart(label, (width): Drawing => {
    const names = bars.map(({ name }) => name);
    const left = nameRoom(names, width);
    const totals = bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0));
    const marks = bars.flatMap(({ name, row, parts }, y) => {
      let end = 0;
      return parts.map(({ part, value, text }) => {
        end += value;
        return { at: [end - value / 2, y] as const, text: `${name}, ${part}: ${text}`, row };
      });
    });
    return {
      height: bars.length * ROW_HEIGHT + 52,
      marks,
      option: {
        grid: { left, right: 66, top: 6, bottom: 44 },
        xAxis: isFraction ? percentAxis(unit, 0) : valueAxis(unit, { min: 0, ...ticksIn(width - left - 66) }),
        yAxis: nameAxis(names, left - 12),
        series: [
          ...[...colors].map(([part, color], index) => ({
            type: 'bar',
            stack: 'all',
            silent: true,
            barWidth: 16,
            itemStyle: { color: COLORS[color], borderColor: COLORS.surface, borderWidth: 0.75 },
            data: bars.map(({ parts }) => parts.find((each) => each.part === part)?.value ?? 0),
            ...(index === 0 && lines.length > 0
              ? {
                  markLine: {
                    silent: true,
                    symbol: 'none',
                    lineStyle: { color: COLORS.limit, type: [4, 4], width: 1.25 },
                    label: { show: false },
                    data: lines.map((at) => ({ xAxis: at })),
                  },
                }
              : {}),
          })),
          labelsAt(bars.map(({ total }, y) => ({ x: totals[y] ?? 0, y, text: total }))),
        ],
      },
    };
  });
}
