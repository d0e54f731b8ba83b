import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from 'echarts';
import type { HistoryLine, HistoryPoint } from '../../schema/history.ts';
import { MEBI } from '../../util/units.ts';
import { valueText } from '../changes.ts';
import { printable, shortenMiddle } from '../text-width.ts';
import { valueAxis } from './axes.ts';
import { chart, type Drawing } from './chart.ts';
import { COLORS, rampColor } from './colors.ts';
import type { Markup } from './markup.ts';

const HEIGHT = 250;
const GRID = { left: 62, right: 78, top: 30, bottom: 30 };
const DAY_MS = 86_400_000;
/** Pixels that the name of a version takes above its line. */
const RELEASE_ROOM = 74;
/** Characters of a variant's name that fit right of its line. */
const NAME_ROOM = 10;

/** How a figure is drawn: the axis has its unit. */
const UNITS: Readonly<Record<HistoryLine['unit'], { readonly name: string; readonly per: number }>> = {
  bytes: { name: 'MiB', per: MEBI },
  'tokens/s': { name: 'tokens/s', per: 1 },
  ms: { name: 'ms', per: 1 },
  nats: { name: 'nats', per: 1 },
  share: { name: '%', per: 0.01 },
  ratio: { name: '', per: 1 },
};

/** A figure over time: a line per variant in its band of noise, other versions named, places where it changed for good. */
export function historyChart(lines: readonly HistoryLine[]): Markup {
  const [first] = lines;
  return chart(`${first?.label ?? ''} over time; figures in the table below`, (width) => draw(lines, width));
}

const timeOf = ({ createdAt }: { readonly createdAt: string }): number => Date.parse(createdAt);

function draw(lines: readonly HistoryLine[], width: number): Drawing {
  const times = lines.flatMap(({ points }) => points.map(timeOf));
  const [begin, end] = [Math.min(...times), Math.max(...times)];
  const margin = (end - begin || DAY_MS) * 0.04;
  const { name, per } = UNITS[lines[0]?.unit ?? 'ratio'];
  const drawnTo = width - GRID.left - GRID.right;
  const placeOf = (at: number) => ((at - begin + margin) / (end - begin + 2 * margin)) * drawnTo;
  return {
    height: HEIGHT,
    option: {
      useUTC: true,
      grid: GRID,
      xAxis: valueAxis('', {
        type: 'time',
        min: begin - margin,
        max: end + margin,
        minInterval: DAY_MS,
        splitNumber: Math.max(2, Math.floor(drawnTo / 90)),
        splitLine: { show: false },
        axisLabel: {
          color: COLORS.muted,
          fontSize: 12,
          hideOverlap: true,
          formatter: (at: number) => new Date(at).toISOString().slice(5, 10),
        },
      }),
      yAxis: valueAxis(name, { scale: true, nameGap: 46 }),
      series: [
        ...lines.map((line, index) => band(line, colorOf(index, lines), per)),
        ...lines.map((line, index) => ({
          ...course(line, colorOf(index, lines), per),
          ...(index > 0
            ? {}
            : { markLine: { symbol: 'none', silent: true, data: verticals(lines, placeOf) } }),
        })),
      ],
    },
    marks: lines.flatMap((line) =>
      line.points.map((point) => ({
        at: [timeOf(point), point.value / per] as const,
        text: textOf(line, point),
        row: -1,
      })),
    ),
  };
}

function colorOf(index: number, lines: readonly HistoryLine[]): string {
  return COLORS[rampColor(index, lines.length)];
}

/** Points of a disturbed machine are hollow, and the first of a new level is larger. */
function course({ variant, points, changes }: HistoryLine, color: string, per: number): object {
  const changed = new Set(changes.map(({ createdAt }) => createdAt));
  return {
    type: 'line',
    silent: true,
    data: points.map((point) => ({
      value: [timeOf(point), point.value / per],
      symbolSize: changed.has(point.createdAt) ? 10 : 6,
      itemStyle: { color: point.isDisturbed ? COLORS.surface : color, borderColor: color, borderWidth: 1.5 },
    })),
    symbol: 'circle',
    itemStyle: { color },
    lineStyle: { color, width: 2 },
    endLabel: {
      show: true,
      formatter: shortenMiddle(printable(variant), NAME_ROOM),
      color: COLORS.text,
      fontSize: 12,
    },
    labelLayout: { moveOverlap: 'shiftY' },
  };
}

/** From a spread below each point to one above it, as one area. */
function band({ points }: HistoryLine, color: string, per: number): object {
  const known = points.filter(({ spread }) => spread !== null);
  return {
    type: 'custom',
    silent: true,
    z: 1,
    encode: { x: 0, y: [1, 2] },
    data: known.map((point) => {
      const spread = point.spread ?? 0;
      return [timeOf(point), (point.value - spread) / per, (point.value + spread) / per];
    }),
    renderItem: ({ dataIndex }: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) => {
      if (dataIndex > 0) return null;
      const edge = (sign: number) =>
        known.map((point) => api.coord([timeOf(point), (point.value + sign * (point.spread ?? 0)) / per]));
      return {
        type: 'polygon' as const,
        shape: { points: [...edge(1), ...edge(-1).reverse()] },
        style: { fill: color, opacity: 0.16 },
      };
    },
  };
}

/** Lines over the whole height: dashed where another version began to measure, solid where a figure changed for good. */
function verticals(lines: readonly HistoryLine[], placeOf: (at: number) => number): object[] {
  const changes = new Set(lines.flatMap(({ changes: own }) => own.map(timeOf)));
  let free = Number.NEGATIVE_INFINITY;
  const dashed = [...releasesIn(lines)].map(([at, name]) => {
    const hasRoom = placeOf(at) >= free;
    if (hasRoom) free = placeOf(at) + RELEASE_ROOM;
    return {
      xAxis: at,
      lineStyle: { type: 'dashed', color: COLORS.muted, width: 1 },
      label: { show: hasRoom, position: 'end', formatter: name, color: COLORS.muted, fontSize: 12 },
    };
  });
  const solid = [...changes].map((at) => ({
    xAxis: at,
    lineStyle: { type: 'solid', color: COLORS.limit, width: 1 },
    label: { show: false },
  }));
  return [...dashed, ...solid];
}

/** Times from which another version measured, and which. */
function releasesIn(lines: readonly HistoryLine[]): Map<number, string> {
  const releases = new Map<number, string>();
  for (const { points } of lines) {
    for (const [index, point] of points.entries()) {
      const before = points[index - 1];
      if (before === undefined) continue;
      const names = [
        ...(before.toolVersion === point.toolVersion ? [] : [point.toolVersion]),
        ...(before.llamaCpp === point.llamaCpp || point.llamaCpp === null ? [] : [point.llamaCpp]),
      ];
      if (names.length > 0) releases.set(timeOf(point), printable(names.join(', ')));
    }
  }
  return new Map([...releases].sort(([a], [b]) => a - b));
}

function textOf(
  line: HistoryLine,
  { createdAt, value, isDisturbed, toolVersion, llamaCpp }: HistoryPoint,
): string {
  const versions = `quantscope ${printable(toolVersion)}${llamaCpp === null ? '' : `, llama.cpp ${printable(llamaCpp)}`}`;
  const state = isDisturbed ? ', disturbed' : '';
  return `${printable(line.variant)}, ${createdAt.slice(0, 16).replace('T', ' ')}: ${valueText(value, line.unit)}${state}; ${versions}`;
}
