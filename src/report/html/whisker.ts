import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from 'echarts';
import { COLORS } from './colors.ts';

/** From low to high at one height: an interval or an error. */
export interface Whisker {
  readonly low: number;
  readonly high: number;
  readonly y: number;
}

/** A series of lines with caps at their ends. */
export function whiskers(
  intervals: readonly Whisker[],
  {
    color = COLORS.text,
    width = 1.25,
    cap = 3,
    shift = 0,
  }: { color?: string; width?: number; cap?: number; shift?: number } = {},
): object {
  return {
    type: 'custom',
    silent: true,
    z: 5,
    data: intervals.map(({ low, high, y }) => [low, high, y]),
    encode: { x: [0, 1], y: 2 },
    renderItem: (_: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) => {
      const [x1 = 0, y1 = 0] = api.coord([api.value(0), api.value(2)]);
      const [x2 = 0] = api.coord([api.value(1), api.value(2)]);
      const y = y1 + shift;
      const style = { stroke: color, lineWidth: width, fill: 'none' };
      const line = (from: readonly [number, number], to: readonly [number, number]) => ({
        type: 'line' as const,
        shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] },
        style,
      });
      return {
        type: 'group' as const,
        children: [
          line([x1, y], [x2, y]),
          ...(cap > 0 ? [line([x1, y - cap], [x1, y + cap]), line([x2, y - cap], [x2, y + cap])] : []),
        ],
      };
    },
  };
}

/** A text right of a point. */
export function labelsAt(points: readonly { x: number; y: number; text: string }[], distance = 6): object {
  return {
    type: 'scatter',
    silent: true,
    symbolSize: 0.01,
    itemStyle: { color: COLORS.text, opacity: 1 },
    data: points.map(({ x, y, text }) => ({
      value: [x, y],
      label: {
        show: true,
        position: 'right',
        distance,
        color: COLORS.text,
        fontSize: 12,
        textBorderColor: COLORS.surface,
        textBorderWidth: 3,
        formatter: () => text,
      },
    })),
  };
}
