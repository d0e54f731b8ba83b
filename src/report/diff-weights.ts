import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { Diff, DiffedWeights, TensorError } from '../schema/diff.ts';
import { formatCount } from '../util/units.ts';
import { layOutTable, type RowHead } from './column-layout.ts';
import type { CellColumn } from './figure-column.ts';
import { counted, firstOf, note, type PageLayout, plainColumn, widest } from './inspection-layout.ts';
import { brief, visible } from './inspection-text.ts';
import { decimalsFor, formatFixed } from './numbers.ts';

type Figures = Pick<TensorError, 'relativeRmse' | 'maxError' | 'cosine' | 'signalToNoiseDb' | 'nonFinite'>;

const MOST_NAME_WIDTH = 42;
const MOST_NOT_COMPARED = 8;
const ABSENT = '-';

/** The error of the weights: the worst tensors, each role, the total, and what could not be compared. */
export function weightSections(weights: Diff['weights'], layout: PageLayout, top: number): string[][] {
  const { style } = layout;
  if (!isAvailable(weights))
    return [note(`Weights: ${weights.reason}.`, layout).map((line) => style.dim(line))];
  const { tensors, byRole, total, identical } = weights;
  if (tensors.length === 0) {
    return [
      [style.bold('Weights'), ...note('There are no tensors whose weights can be compared.', layout)],
      skipped(weights, layout),
    ];
  }
  if (identical === tensors.length && total.nonFinite === 0) {
    const text = `The weights are identical, byte for byte: ${counted(tensors.length, 'tensor')}, ${formatCount(total.weights)} weights.`;
    return [[style.bold('Weights'), ...note(text, layout)], skipped(weights, layout)];
  }
  const different = tensors.filter((tensor) => !tensor.identical);
  const shown = different.slice(0, top);
  const worst = errorTable(
    different.length > shown.length ? `Worst ${shown.length} tensors` : 'Tensors, worst first',
    shown.map((tensor) => ({ name: tensor.name, figures: tensor })),
    layout,
    [
      plainColumn(
        'types',
        shown.map(({ typeInA, typeInB }) => `${typeInA} / ${typeInB}`),
      ),
    ],
  );
  const rows = [
    ...byRole.map((role) => ({ name: role.role, figures: role, tensors: role.tensors })),
    { name: 'total', figures: total, tensors: tensors.length },
  ];
  const roles = errorTable('By role', rows, layout, [
    plainColumn(
      'tensors',
      rows.map(({ tensors: count }) => formatCount(count)),
    ),
  ]);
  return [
    shown.length > 0 ? [...worst, ...rest(different.length, shown.length, identical, layout)] : [],
    [...roles, ...legend(layout)],
    [...skipped(weights, layout), ...nonFinite(total, layout)],
  ];
}

function errorTable(
  title: string,
  rows: readonly { readonly name: string; readonly figures: Figures }[],
  layout: PageLayout,
  more: readonly CellColumn[],
): string[] {
  const figures = rows.map((row) => row.figures);
  const heads = rows.map(({ name }): RowHead => ({ name: visible(name), role: '', recommended: false }));
  const natural = Math.max(title.length + 2, widest(heads.map(({ name }) => name)) + 3);
  const columns = [
    numbers(
      'rel. RMSE',
      '%',
      figures.map(({ relativeRmse }) => scaled(relativeRmse, 100)),
      { significant: 3, most: 4 },
    ),
    exponentials(
      'max',
      figures.map(({ maxError }) => maxError),
    ),
    numbers(
      'cosine',
      '',
      figures.map(({ cosine }) => cosine),
      { significant: 6, most: 6 },
    ),
    numbers(
      'SNR',
      'dB',
      figures.map(({ signalToNoiseDb }) => signalToNoiseDb),
      { significant: 4, most: 1 },
    ),
    ...more,
  ];
  return layOutTable({ title, columns }, heads, { nameWidth: Math.min(MOST_NAME_WIDTH, natural), ...layout });
}

function scaled(figure: number | Unavailable, factor: number): number | Unavailable {
  return isAvailable(figure) ? figure * factor : figure;
}

function numbers(
  title: string,
  unit: string,
  figures: readonly (number | Unavailable)[],
  precision: { readonly significant: number; readonly most: number },
): CellColumn {
  const decimals = decimalsFor(figures.filter(isAvailable), precision);
  const texts = figures.map((figure) => (isAvailable(figure) ? formatFixed(figure, decimals) : ABSENT));
  return plainColumn(title, texts, { unit });
}

/** Weights have no unit and any size: three digits of each. */
function exponentials(title: string, figures: readonly number[]): CellColumn {
  return plainColumn(
    title,
    figures.map((figure) => (figure === 0 ? '0' : shortest(figure))),
  );
}

function shortest(figure: number): string {
  return figure >= 0.001 && figure < 1000 ? figure.toPrecision(3) : figure.toExponential(1);
}

function rest(different: number, shown: number, identical: number, layout: PageLayout): string[] {
  const words = [
    ...(different > shown ? [`${counted(different - shown, 'more tensor')} differ: --all shows them`] : []),
    ...(identical > 0
      ? [`${counted(identical, 'tensor')} ${identical === 1 ? 'is' : 'are'} identical, byte for byte`]
      : []),
  ];
  return words.length === 0 ? [] : note(`${words.join('; ')}.`, layout).map((line) => layout.style.dim(line));
}

function legend(layout: PageLayout): string[] {
  const text =
    'rel. RMSE: root of the sum of (a - b)² over that of a². max: largest |a - b|. SNR: 6 dB are a bit of precision.';
  return note(text, layout).map((line) => layout.style.dim(line));
}

function nonFinite({ nonFinite: count }: Figures, layout: PageLayout): string[] {
  if (count === 0) return [];
  const text = `! ${counted(count, 'pair')} of weights with a NaN or an infinity ${count === 1 ? 'is' : 'are'} left out of all figures`;
  return note(text, layout).map((line) => layout.style.warn(line));
}

/** By reason, with the names. */
function skipped({ notCompared }: DiffedWeights, layout: PageLayout): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of notCompared)
    byReason.set(reason, [...(byReason.get(reason) ?? []), brief(name)]);
  return [...byReason].flatMap(([reason, names]) => {
    const text = `! Not compared, ${reason}: ${firstOf(names, MOST_NOT_COMPARED).join(', ')}`;
    return note(text, layout).map((line) => layout.style.warn(line));
  });
}

/** Whether `--fail-above` holds. */
export function gateLines(gate: Diff['gate'], layout: PageLayout): string[] {
  if (gate === null) return [];
  const { style } = layout;
  const verdict = gate.holds ? style.good('holds') : style.bad('does not hold');
  const [first = '', ...more] = note(`--fail-above ${gate.maxRelativeRmse}: ${brief(gate.reason)}`, layout);
  return [...[first, ...more].slice(0, -1), `${[first, ...more].at(-1) ?? ''}: ${verdict}`];
}
