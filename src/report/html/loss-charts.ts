import { isDrawable, logAxis, nameAxis, nameRoom, percentAxis } from './axes.ts';
import { chart, type Drawing, type Mark } from './chart.ts';
import { COLORS, rampColor } from './colors.ts';
import type { Markup } from './markup.ts';
import { whiskers } from './whisker.ts';

/** How one variant's divergence is distributed over the text, in nats. */
export interface DivergenceSpread {
  readonly row: number;
  readonly name: string;
  readonly mean: number;
  /** Percentiles in rising order with their names; the last is the maximum. */
  readonly percentiles: readonly { readonly name: string; readonly value: number }[];
  readonly isRecommended: boolean;
}

const ROW_HEIGHT = 38;

/** From the median to the maximum, on a logarithmic scale: tails are what a mean hides. */
export function divergenceChart(label: string, spreads: readonly DivergenceSpread[]): Markup {
  return chart(label, (width): Drawing => {
    const names = spreads.map(({ name }) => name);
    const left = nameRoom(names, width);
    // A divergence of nothing, or rounded below it, has no place on a logarithmic scale.
    const drawn = spreads.map((spread) => ({
      ...spread,
      percentiles: spread.percentiles.filter(({ value }) => isDrawable(value)),
    }));
    const values = drawn.flatMap(({ percentiles, mean }) => [
      ...percentiles.map(({ value }) => value),
      ...(isDrawable(mean) ? [mean] : []),
    ]);
    const marks: Mark[] = drawn.flatMap(({ row, name, percentiles, mean }, y) => [
      ...percentiles.map((each) => ({
        at: [each.value, y] as const,
        text: `${name}, ${each.name}: ${Number(each.value.toPrecision(3))} nats`,
        row,
      })),
      ...(isDrawable(mean)
        ? [{ at: [mean, y] as const, text: `${name}, mean: ${Number(mean.toPrecision(3))} nats`, row }]
        : []),
    ]);
    const points = drawn.flatMap(({ percentiles, isRecommended }, y) =>
      percentiles.map(({ value }, index) => ({
        value: [value, y],
        symbolSize: index === 0 ? 11 : index === percentiles.length - 1 ? 5 : 8 - index * 0.6,
        itemStyle: {
          opacity: 1,
          color: index === 0 ? COLORS.surface : isRecommended ? COLORS.accent : COLORS.bar,
          borderColor: isRecommended ? COLORS.accent : COLORS.bar,
          borderWidth: index === 0 ? 2 : 0,
        },
      })),
    );
    return {
      height: spreads.length * ROW_HEIGHT + 52,
      marks,
      option: {
        grid: { left, right: 22, top: 6, bottom: 44 },
        xAxis: logAxis('KLD, nats', values, width - left - 22),
        yAxis: nameAxis(names, left - 12),
        series: [
          whiskers(
            drawn.flatMap(({ percentiles }, y) => {
              const [low, high] = [percentiles[0], percentiles.at(-1)];
              return low === undefined || high === undefined ? [] : [{ low: low.value, high: high.value, y }];
            }),
            { color: COLORS.muted, width: 1, cap: 0 },
          ),
          { type: 'scatter', silent: true, z: 6, data: points },
          {
            type: 'scatter',
            silent: true,
            z: 7,
            symbol: 'diamond',
            symbolSize: 10,
            itemStyle: { color: COLORS.text, opacity: 1 },
            data: drawn.flatMap(({ mean }, y) => (isDrawable(mean) ? [[mean, y]] : [])),
          },
        ],
      },
    };
  });
}

/** Answers right by kind of task, with 95 % intervals, in percent. */
export interface TaskShare {
  readonly kind: string;
  readonly percent: number;
  readonly low: number;
  readonly high: number;
  readonly text: string;
}

export interface TaskSeries {
  readonly row: number;
  readonly name: string;
  readonly shares: readonly TaskShare[];
}

const SERIES_GAP = 8;

/** A group of intervals a kind, one for each variant, in the variants' order. */
export function taskChart(label: string, kinds: readonly string[], series: readonly TaskSeries[]): Markup {
  return chart(label, (width): Drawing => {
    const left = nameRoom(kinds, width);
    const groupHeight = series.length * SERIES_GAP + 16;
    const shiftOf = (index: number) => (index - (series.length - 1) / 2) * SERIES_GAP;
    const drawn = series.map(({ name, row, shares }, index) => ({
      name,
      row,
      shift: shiftOf(index),
      color: COLORS[rampColor(index, series.length)],
      points: shares.flatMap((share) => {
        const y = kinds.indexOf(share.kind);
        return y < 0 ? [] : [{ ...share, y }];
      }),
    }));
    const lowest = Math.min(100, ...drawn.flatMap(({ points }) => points.map(({ low }) => low)));
    return {
      height: kinds.length * groupHeight + 52,
      marks: drawn.flatMap(({ name, row, shift, points }) =>
        points.map(({ percent, y, kind, text }) => ({
          at: [percent, y] as const,
          shift: [0, shift] as const,
          text: `${name}, ${kind}: ${text}`,
          row,
        })),
      ),
      option: {
        grid: { left, right: 22, top: 6, bottom: 44 },
        xAxis: percentAxis('% correct', lowest),
        yAxis: {
          ...nameAxis(kinds, left - 12),
          splitLine: { show: true, lineStyle: { color: COLORS.line } },
        },
        series: drawn.flatMap(({ points, shift, color }) => [
          whiskers(points, { color, width: 1.5, cap: 0, shift }),
          {
            type: 'scatter',
            silent: true,
            z: 6,
            symbolSize: 7,
            symbolOffset: [0, shift],
            itemStyle: { color, opacity: 1 },
            data: points.map(({ percent, y }) => [percent, y]),
          },
        ]),
      },
    };
  });
}
