import type { MixResults } from '../../schema/mix.ts';
import { formatBytes } from '../../util/units.ts';
import { isDrawable, logAxis, ticksIn, valueAxis } from './axes.ts';
import { chart, type Drawing } from './chart.ts';
import { COLORS } from './colors.ts';
import type { Markup } from './markup.ts';

const HEIGHT = 360;
const MEGA = 1e6;

/** The predicted curve of loss against size, and the files that were measured on it. */
export function mixChart(results: MixResults): Markup {
  return chart('Mean KL divergence by size of the file', (width) => draw(results, width));
}

function draw({ curve, measured }: MixResults, width: number): Drawing {
  const [left, right] = [62, 26];
  const sizes = measured.map(({ bytes }) => bytes);
  const [least, most] = [0.94 * Math.min(...sizes), 1.06 * Math.max(...sizes)];
  const line = curve.filter(
    ({ bytes, predictedKld }) => bytes >= least && bytes <= most && isDrawable(predictedKld),
  );
  const points = measured.filter(({ meanKld }) => isDrawable(meanKld));
  const losses = [...line.map(({ predictedKld }) => predictedKld), ...points.map(({ meanKld }) => meanKld)];
  const colorOf = (kind: (typeof points)[number]['kind']) => (kind === 'stock' ? COLORS.text : COLORS.accent);
  return {
    height: HEIGHT,
    marks: points.map((row) => ({
      at: [row.bytes / MEGA, row.meanKld],
      text: `${row.name}: ${formatBytes(row.bytes)}, mean KLD ${row.meanKld.toFixed(5)}`,
      row: measured.indexOf(row),
    })),
    option: {
      grid: { left, right, top: 34, bottom: 46 },
      xAxis: valueAxis('size, MB', { ...ticksIn(width - left - right), min: least / MEGA, max: most / MEGA }),
      yAxis: {
        ...logAxis('mean KLD, nats', losses, HEIGHT),
        nameLocation: 'end',
        nameGap: 14,
        nameTextStyle: { color: COLORS.muted, fontSize: 12 },
      },
      series: [
        {
          type: 'line',
          silent: true,
          symbol: 'none',
          lineStyle: { color: COLORS.accent, width: 1.5, opacity: 0.55 },
          data: line.map(({ bytes, predictedKld }) => [bytes / MEGA, predictedKld]),
        },
        {
          type: 'scatter',
          silent: true,
          z: 5,
          data: points.map(({ bytes, meanKld, kind, name }) => ({
            value: [bytes / MEGA, meanKld],
            symbolSize: kind === 'mix' ? 12 : 9,
            itemStyle: {
              opacity: 1,
              color: kind === 'neighbour' ? COLORS.surface : colorOf(kind),
              borderColor: colorOf(kind),
              borderWidth: 2,
            },
            label: {
              show: kind !== 'neighbour',
              position: kind === 'stock' ? 'right' : 'left',
              color: colorOf(kind),
              fontSize: 12,
              formatter: () => name,
            },
          })),
          labelLayout: { moveOverlap: 'shiftY' },
        },
      ],
    },
  };
}
