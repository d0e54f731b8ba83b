import { chart, type Mark } from './chart.ts';
import { COLORS } from './colors.ts';
import type { Markup } from './markup.ts';

interface Rows {
  readonly marks: readonly Mark[];
  readonly series: readonly object[];
  /** Given the pixels that it is long. */
  readonly xAxis: (width: number) => object;
  /** What the axis of names has besides. */
  readonly yAxis?: object;
  /** Pixels of a row, and right of all for what stands there. */
  readonly rowHeight: number;
  readonly right: number;
}

/** A chart of rows: their names down the side, the first on top, values along the bottom. */
export function rowChart(label: string, names: readonly string[], rows: Rows): Markup {
  const { marks, series, xAxis, yAxis = {}, rowHeight, right } = rows;
  return chart(label, (width) => {
    const left = namesWidth(names, width);
    return {
      height: names.length * rowHeight + 52,
      marks,
      option: {
        grid: { left, right, top: 6, bottom: 44 },
        xAxis: xAxis(width - left - right),
        yAxis: { ...nameAxis(names, left - 12), ...yAxis },
        series,
      },
    };
  });
}

/** As wide as the longest name, within a third of the drawing. */
function namesWidth(names: readonly string[], width: number): number {
  const longest = Math.max(0, ...names.map((name) => name.length));
  return Math.min(Math.round(width / 3), 20 + Math.ceil(longest * 7.6));
}

function nameAxis(names: readonly string[], width: number): object {
  return {
    type: 'category',
    inverse: true,
    data: names,
    axisLabel: { color: COLORS.text, fontSize: 12, width, overflow: 'truncate', interval: 0 },
    axisLine: { show: false },
    axisTick: { show: false },
  };
}
