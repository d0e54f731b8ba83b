import { isDrawable, logAxis, percentAxis } from './axes.ts';
import type { Mark } from './chart.ts';
import { COLORS, rampColor } from './colors.ts';
import type { Markup } from './markup.ts';
import { rowChart } from './row-chart.ts';
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
  // A divergence of nothing, or rounded below it, has no place on a logarithmic scale.
  const drawn = spreads.map((spread) => ({
    ...spread,
    percentiles: spread.percentiles.filter(({ value }) => isDrawable(value)),
    means: isDrawable(spread.mean) ? [spread.mean] : [],
  }));
  const values = drawn.flatMap(({ percentiles, means }) => [
    ...percentiles.map(({ value }) => value),
    ...means,
  ]);
  const marks: Mark[] = drawn.flatMap(({ row, name, percentiles, means }, y) =>
    [...percentiles, ...means.map((value) => ({ name: 'mean', value }))].map((each) => ({
      at: [each.value, y] as const,
      text: `${name}, ${each.name}: ${Number(each.value.toPrecision(3))} nats`,
      row,
    })),
  );
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
  const ranges = drawn.flatMap(({ percentiles }, y) => {
    const [low, high] = [percentiles[0], percentiles.at(-1)];
    return low === undefined || high === undefined ? [] : [{ low: low.value, high: high.value, y }];
  });
  return rowChart(
    label,
    spreads.map(({ name }) => name),
    {
      rowHeight: ROW_HEIGHT,
      right: 22,
      marks,
      xAxis: (width) => logAxis('KLD, nats', values, width),
      series: [
        whiskers(ranges, { color: COLORS.muted, width: 1, cap: 0 }),
        { type: 'scatter', silent: true, z: 6, data: points },
        {
          type: 'scatter',
          silent: true,
          z: 7,
          symbol: 'diamond',
          symbolSize: 10,
          itemStyle: { color: COLORS.text, opacity: 1 },
          data: drawn.flatMap(({ means }, y) => means.map((mean) => [mean, y])),
        },
      ],
    },
  );
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
  const drawn = series.map(({ name, row, shares }, index) => ({
    name,
    row,
    shift: (index - (series.length - 1) / 2) * SERIES_GAP,
    color: COLORS[rampColor(index, series.length)],
    points: shares.flatMap((share) => {
      const y = kinds.indexOf(share.kind);
      return y < 0 ? [] : [{ ...share, y }];
    }),
  }));
  const lowest = Math.min(100, ...drawn.flatMap(({ points }) => points.map(({ low }) => low)));
  return rowChart(label, kinds, {
    rowHeight: series.length * SERIES_GAP + 16,
    right: 22,
    marks: drawn.flatMap(({ name, row, shift, points }) =>
      points.map(({ percent, y, kind, text }) => ({
        at: [percent, y] as const,
        shift: [0, shift] as const,
        text: `${name}, ${kind}: ${text}`,
        row,
      })),
    ),
    xAxis: () => percentAxis('% correct', lowest),
    yAxis: { splitLine: { show: true, lineStyle: { color: COLORS.line } } },
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
  });
}
