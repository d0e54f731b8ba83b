import type { HistoryLine } from '../../schema/history.ts';
import { valueText } from '../changes.ts';
import { historySentences } from '../history.ts';
import type { Report } from '../report.ts';
import { fillColumns } from '../table.ts';
import { printable } from '../text-width.ts';
import { valueAxis } from './axes.ts';
import { chart, type Drawing } from './chart.ts';
import { COLORS, rampColor } from './colors.ts';
import { html } from './markup.ts';
import type { Section } from './page-frame.ts';
import { chartFigure, htmlTable } from './tables.ts';

/** Each figure over the results of a folder: a line per variant, bands of noise, releases, and where it changed for good. */
export function historySection({ history }: Report): Section | null {
  if (history.length === 0) return null;
  const figures = [...new Set(history.map(({ figure }) => figure))];
  const said = historySentences(history);
  const runs = new Set(history.flatMap(({ points }) => points.map(({ createdAt }) => createdAt))).size;
  return {
    id: 'history',
    title: 'History',
    content: html`<p class="lead">${runs} results of this machine and setup. Bands are one standard deviation of speeds and one standard error of perplexity and KLD; dashed lines are other versions of quantscope or llama.cpp, solid ones places where a figure changed for good (binary segmentation by Student’s t-test, at 1 in 100). ${said.length === 0 ? 'No figure changed for good.' : ''}</p>
${said.length === 0 ? null : html`<ul class="notes">${said.map((sentence) => html`<li>${sentence}</li>`)}</ul>`}<div class="pair">${figures.map(
      (figure) => {
        const lines = history.filter((line) => line.figure === figure);
        const [first] = lines;
        if (first === undefined) return null;
        return chartFigure(
          `${first.label}, ${first.unit}`,
          chart(`${first.label} over time; figures in the table below`, (width) => drawingOf(lines, width)),
        );
      },
    )}</div>${htmlTable('All results', tableOf(history))}`,
  };
}

function drawingOf(lines: readonly HistoryLine[], width: number): Drawing {
  const times = lines.flatMap(({ points }) => points.map(({ createdAt }) => Date.parse(createdAt)));
  const all = [...new Set(times)].sort((a, b) => a - b);
  const scale = (line: HistoryLine, value: number) => (line.unit === 'bytes' ? value / 2 ** 20 : value);
  const values = lines.flatMap((line) => line.points.map(({ value }) => scale(line, value)));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = (most - least || Math.abs(most) || 1) * 0.15;
  const releases = releasesIn(lines);
  const changes = lines.flatMap((line) => line.changes.map(({ createdAt }) => Date.parse(createdAt)));
  const vertical = (at: number, type: 'dashed' | 'solid', color: string) => ({
    xAxis: at,
    lineStyle: { type, color, width: 1 },
    label: { show: false },
  });
  const series = lines.flatMap((line, index) => {
    const color = COLORS[rampColor(index, lines.length)];
    const data = line.points.map(({ createdAt, value }) => [Date.parse(createdAt), scale(line, value)]);
    const band = (sign: number) =>
      line.points.map(({ createdAt, value, spread }) => [
        Date.parse(createdAt),
        scale(line, value + sign * (spread ?? 0)),
      ]);
    const edge = {
      type: 'line',
      symbol: 'none',
      lineStyle: { width: 1, opacity: 0.35, color, type: 'dotted' },
    };
    const hasBand = line.points.some(({ spread }) => spread !== null);
    return [
      ...(hasBand
        ? [
            { ...edge, data: band(1) },
            { ...edge, data: band(-1) },
          ]
        : []),
      {
        type: 'line',
        name: printable(line.variant),
        data,
        symbol: 'circle',
        symbolSize: 5,
        itemStyle: { color },
        lineStyle: { color, width: 2 },
        endLabel: { show: true, formatter: printable(line.variant), color: COLORS.text },
        ...(index > 0
          ? {}
          : {
              markLine: {
                symbol: 'none',
                data: [
                  ...releases.map((at) => vertical(at, 'dashed', COLORS.muted)),
                  ...changes.map((at) => vertical(at, 'solid', COLORS.limit)),
                ],
              },
            }),
      },
    ];
  });
  const [begin = 0, end = 1] = [all[0], all.at(-1)];
  const margin = (end - begin || 86_400_000) * 0.05;
  const height = 240;
  return {
    height,
    option: {
      grid: { left: 56, right: width < 400 ? 70 : 90, top: 14, bottom: 34 },
      xAxis: {
        ...valueAxis('', { min: begin - margin, max: end + margin, splitLine: { show: false } }),
        axisLabel: {
          color: COLORS.muted,
          fontSize: 12,
          hideOverlap: true,
          formatter: (at: number) => new Date(at).toISOString().slice(5, 10),
        },
      },
      yAxis: valueAxis(lines[0]?.unit === 'bytes' ? 'MiB' : (lines[0]?.unit ?? ''), {
        min: least - room,
        max: most + room,
        nameGap: 42,
      }),
      series,
    },
    marks: lines.flatMap((line) =>
      line.points.map(({ createdAt, value, toolVersion, llamaCpp, isDisturbed }) => ({
        at: [Date.parse(createdAt), scale(line, value)] as const,
        text: `${printable(line.variant)}, ${createdAt.slice(0, 16)}: ${valueText(value, line.unit)}${isDisturbed ? ', disturbed' : ''}; quantscope ${printable(toolVersion)}${llamaCpp === null ? '' : `, llama.cpp ${printable(llamaCpp)}`}`,
        row: -1,
      })),
    ),
  };
}

/** Times from which another version measured. */
function releasesIn(lines: readonly HistoryLine[]): number[] {
  const times = new Set<number>();
  for (const { points } of lines) {
    for (const [index, point] of points.entries()) {
      const before = points[index - 1];
      if (before === undefined) continue;
      if (before.toolVersion === point.toolVersion && before.llamaCpp === point.llamaCpp) continue;
      times.add(Date.parse(point.createdAt));
    }
  }
  return [...times];
}

function tableOf(history: readonly HistoryLine[]) {
  const rows = history.flatMap((line) => line.points.map((point) => ({ line, point })));
  return {
    title: 'variant',
    heads: rows.map(({ line }) => ({ name: printable(line.variant) })),
    columns: fillColumns<(typeof rows)[number]>(
      [
        { title: 'metric', align: 'left', read: ({ line }) => line.label },
        { title: 'on', align: 'left', read: ({ point }) => point.createdAt.slice(0, 16).replace('T', ' ') },
        { title: 'value', read: ({ line, point }) => valueText(point.value, line.unit) },
        { title: '', align: 'left', read: ({ point }) => (point.isDisturbed ? 'disturbed' : '') },
      ],
      rows,
    ),
  };
}
