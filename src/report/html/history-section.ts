import type { HistoryLine } from '../../schema/history.ts';
import { valueText } from '../changes.ts';
import { historySentences } from '../history.ts';
import type { Report } from '../report.ts';
import { fillColumns } from '../table.ts';
import { printable } from '../text-width.ts';
import { historyChart } from './history-chart.ts';
import { html } from './markup.ts';
import type { Section } from './page-frame.ts';
import { chartFigure, htmlTable } from './tables.ts';

/** Each figure over the results of a folder, and what of it changed for good. */
export function historySection({ history }: Report): Section | null {
  if (history.length === 0) return null;
  const figures = [...new Set(history.map(({ figure }) => figure))].map((figure) =>
    history.filter((line) => line.figure === figure),
  );
  const moving = figures.filter((lines) => lines.some(isMoving));
  const still = figures.filter((lines) => !lines.some(isMoving)).map(([first]) => first?.label ?? '');
  const said = historySentences(history);
  const points = new Set(history.flatMap((line) => line.points.map(({ createdAt }) => createdAt))).size;
  return {
    id: 'history',
    title: 'History',
    content: html`<p class="lead">${points} results of this machine and setup. ${said.length === 0 ? 'No figure changed for good. ' : ''}${still.length === 0 ? '' : `The same in all of them: ${still.join(', ')}.`}</p>
${said.length === 0 ? null : html`<ul class="notes">${said.map((sentence) => html`<li>${sentence.replaceAll(/ (?=%|t\/s)/g, '\u00a0')}</li>`)}</ul>`}${
  moving.length === 0
    ? null
    : html`<p class="note">Shaded: one standard deviation of speeds, one standard error of perplexity and KLD. Hollow: the machine was disturbed. Dashed: another version of quantscope or llama.cpp from there on. Solid, with a larger point: a figure changed for good, by binary segmentation with Student’s t-test at 1 in 100.</p>
<div class="pair">${moving.map((lines) => chartFigure(titleOf(lines), historyChart(lines)))}</div>`
}<details><summary>All results</summary>${htmlTable('Every figure of every variant, in the order of time', tableOf(history))}</details>`,
  };
}

function isMoving({ points }: HistoryLine): boolean {
  return points.some(({ value }) => value !== points[0]?.value);
}

function titleOf([first]: readonly HistoryLine[]): string {
  const label = first?.label ?? '';
  return label.charAt(0).toUpperCase() + label.slice(1);
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
