import { shortenMiddle } from '../text-width.ts';
import { decadesAround, logAxis, ticksIn, valueAxis } from './axes.ts';
import { chart, type Drawing, type Mark } from './chart.ts';
import { COLORS } from './colors.ts';
import type { Markup } from './markup.ts';

/** A variant by what it costs and what it loses. */
export interface TradeOffPoint {
  readonly row: number;
  readonly name: string;
  readonly cost: number;
  /** Mean KLD in nats; null for the reference, which loses nothing. */
  readonly loss: number | null;
  readonly isRecommended: boolean;
  /** Cost and loss with their units. */
  readonly text: string;
}

export interface TradeOff {
  readonly label: string;
  readonly axis: string;
  /** Which way is better. */
  readonly better: 'lower' | 'higher';
  readonly points: readonly TradeOffPoint[];
  /** The greatest loss that the recommendation allows. */
  readonly limit: number;
}

const HEIGHT = 330;
/** Pixels that the name of what lies on the axis is above it. */
const REFERENCE_LIFT = 11;
/** Characters of a name. */
const MOST_NAME = 18;
/** Share of the axis within which a name would run out of the drawing. */
const NEAR_EDGE = 0.12;

/** Loss, on a logarithmic scale, against a cost, with the line along which no variant beats another in both. */
export function tradeOffChart(tradeOff: TradeOff): Markup {
  return chart(tradeOff.label, (width) => draw(tradeOff, width));
}

/** The points that no other is as good as in cost and loss at once, by rising cost. */
export function paretoFront({ points, better }: Pick<TradeOff, 'points' | 'better'>): TradeOffPoint[] {
  const sign = better === 'lower' ? 1 : -1;
  const lossOf = ({ loss }: TradeOffPoint) => loss ?? 0;
  const beats = (one: TradeOffPoint, other: TradeOffPoint) =>
    (one.cost - other.cost) * sign <= 0 &&
    lossOf(one) <= lossOf(other) &&
    (one.cost !== other.cost || lossOf(one) !== lossOf(other));
  return points
    .filter((point) => !points.some((other) => beats(other, point)))
    .sort((a, b) => a.cost - b.cost);
}

function draw({ axis, better, points, limit }: TradeOff, width: number): Drawing {
  const [left, right] = [62, better === 'lower' ? 26 : 60];
  const losses = points.flatMap(({ loss }) => (loss === null || loss <= 0 ? [] : [loss]));
  const [floor, ceiling] = decadesAround([...losses, limit]);
  const front = paretoFront({ points, better });
  // What loses nothing lies below any logarithmic scale: on its edge.
  const heightOf = ({ loss }: TradeOffPoint) => (loss === null || loss <= 0 ? floor : loss);
  const costs = points.map(({ cost }) => cost);
  const [least, most] = [Math.min(...costs), Math.max(...costs)];
  // Away from the line, which reaches a point from above in one chart and from the left in the other.
  const sideOf = ({ cost }: TradeOffPoint) =>
    better === 'lower' && cost > most * NEAR_EDGE ? 'left' : 'right';
  const series = [
    {
      type: 'line',
      silent: true,
      step: better === 'lower' ? 'end' : 'start',
      symbol: 'none',
      lineStyle: { color: COLORS.accent, width: 1.5, opacity: 0.55 },
      data: front.map((point) => [point.cost, heightOf(point)]),
      markLine: {
        silent: true,
        symbol: 'none',
        lineStyle: { color: COLORS.limit, type: [4, 4], width: 1 },
        label: {
          color: COLORS.muted,
          fontSize: 12,
          position: 'insideEndTop',
          formatter: () => `limit ${limit}`,
        },
        data: [{ yAxis: limit }],
      },
    },
    {
      type: 'scatter',
      silent: true,
      z: 6,
      data: points.map((point) => {
        const isReference = point.loss === null;
        const color = point.isRecommended
          ? COLORS.accent
          : front.includes(point)
            ? COLORS.text
            : COLORS.muted;
        return {
          value: [point.cost, heightOf(point)],
          symbolSize: point.isRecommended ? 12 : 9,
          itemStyle: {
            opacity: 1,
            color: isReference ? COLORS.surface : color,
            borderColor: color,
            borderWidth: 2,
          },
          label: {
            show: true,
            // The line ends in it from above.
            position: isReference ? (better === 'lower' ? 'left' : 'right') : sideOf(point),
            // No line goes through a name: neither the limit nor the axis nor the line of the best.
            backgroundColor: COLORS.surface,
            padding: [1, 2],
            offset: isReference ? [0, -REFERENCE_LIFT] : [0, 0],
            distance: 8,
            color: point.isRecommended ? COLORS.accent : COLORS.text,
            fontSize: 12,
            formatter: () => {
              const name = shortenMiddle(point.name, MOST_NAME);
              return isReference ? `${name}, KLD 0` : name;
            },
          },
        };
      }),
      labelLayout: { moveOverlap: 'shiftY' },
    },
  ];
  const marks: Mark[] = points.map((point) => ({
    at: [point.cost, heightOf(point)],
    text: `${point.name}: ${point.text}`,
    row: point.row,
  }));
  return {
    height: HEIGHT,
    marks,
    option: {
      grid: { left, right, top: 34, bottom: 46 },
      xAxis: valueAxis(axis, {
        ...ticksIn(width - left - right),
        scale: least > 0.5 * most,
        boundaryGap: ['4%', '6%'],
      }),
      yAxis: {
        ...logAxis('mean KLD, nats', [floor * 1.3, ceiling / 1.3], HEIGHT),
        nameLocation: 'end',
        nameGap: 14,
        nameTextStyle: { color: COLORS.muted, fontSize: 12 },
      },
      series,
    },
  };
}
