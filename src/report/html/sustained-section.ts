import { isAvailable } from '../../schema/availability.ts';
import type { Sustained } from '../../schema/sustained.ts';
import type { Report } from '../report.ts';
import { curveLines, SUSTAINED_COLUMNS, SUSTAINED_LEGEND, sustainedLines } from '../sustained.ts';
import { type Column, fillColumns } from '../table.ts';
import { printable, shortenMiddle } from '../text-width.ts';
import { isDrawable, valueAxis } from './axes.ts';
import { chart, type Drawing } from './chart.ts';
import { COLORS, rampColor } from './colors.ts';
import { html, type Markup } from './markup.ts';
import type { Section } from './page-frame.ts';
import { chartFigure, htmlTable } from './tables.ts';

const HEIGHT = 250;
/** The chart has what a text draws with marks. */
const MARKS = /^[▁-█]/;
const GRID = { left: 62, right: 78, top: 30, bottom: 46 };
/** Characters of a name that fit right of its line. */
const NAME_ROOM = 10;

/** One curve, whoever measured it. */
interface Curve {
  readonly name: string;
  /** Right of its line. */
  readonly short: string;
  readonly place: string;
  readonly sustained: Sustained;
  readonly notes: readonly string[];
}

/** How speeds last where a model is used for minutes. */
export function sustainedSection({ benches, phones }: Report): Section | null {
  const onMachines = benches.flatMap(({ label, results }) =>
    results.rows.flatMap((row): Curve[] =>
      row.sustained === undefined
        ? []
        : [
            {
              name: printable(`${row.model.label} ${row.test.name}`),
              short: printable(row.model.quantization ?? row.model.label),
              place: printable(label),
              sustained: row.sustained,
              notes: curveLines(row),
            },
          ],
    ),
  );
  const onPhones = phones.flatMap(({ label, check: { model, sustained } }): Curve[] =>
    isAvailable(sustained)
      ? [
          {
            name: `${printable(model)} ${sustained.minutes} min`,
            short: printable(label),
            place: printable(label),
            sustained,
            notes: sustainedLines(sustained),
          },
        ]
      : [],
  );
  const curves = [...onMachines, ...onPhones];
  if (curves.length === 0) return null;
  const place: Column<Curve> = { title: 'on', align: 'left', read: (curve) => curve.place };
  const table = {
    title: 'what',
    heads: curves.map(({ name }) => ({ name })),
    columns: fillColumns<Curve>([place, ...SUSTAINED_COLUMNS], curves),
  };
  return {
    id: 'sustained',
    title: 'Speed over minutes',
    content: html`<p class="lead">${SUSTAINED_LEGEND}</p>
${chartFigure('Generation over minutes', curveChart(curves))}${htmlTable('Minutes of use', table)}<ul class="notes">${curves.map(
      ({ name, notes }) => html`<li>${[name, ...notes.filter((note) => !MARKS.test(note))].join('; ')}</li>`,
    )}</ul>`,
  };
}

function curveChart(curves: readonly Curve[]): Markup {
  return chart('Tokens generated a second, over minutes; figures in the table below', () => drawing(curves));
}

/** A line for each curve; a window stands where it ends. */
function drawing(curves: readonly Curve[]): Drawing {
  return {
    height: HEIGHT,
    option: {
      grid: GRID,
      xAxis: valueAxis('minutes', { min: 0, splitLine: { show: false } }),
      yAxis: valueAxis('tokens/s', { min: 0, nameGap: 46 }),
      series: curves.map(({ short, sustained }, index) => ({
        type: 'line',
        silent: true,
        data: sustained.windows
          .filter(({ generationTps }) => isDrawable(generationTps))
          .map(({ endS, generationTps }) => [endS / 60, generationTps]),
        showSymbol: false,
        lineStyle: { color: COLORS[rampColor(index, curves.length)], width: 2 },
        itemStyle: { color: COLORS[rampColor(index, curves.length)] },
        endLabel: {
          show: true,
          formatter: shortenMiddle(short, NAME_ROOM),
          color: COLORS.text,
          fontSize: 12,
        },
        labelLayout: { moveOverlap: 'shiftY' },
      })),
    },
    marks: [],
  };
}
