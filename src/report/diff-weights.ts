import { isAvailable } from '../schema/availability.ts';
import type { Diff, DiffedWeights, TensorError } from '../schema/diff.ts';
import { counted, formatCount } from '../util/units.ts';
import { firstOf, note } from './inspection-layout.ts';
import { brief, visible } from './inspection-text.ts';
import { type Column, fillColumns, given } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';

type ErrorMetrics = Pick<
  TensorError,
  'relativeRmse' | 'maxError' | 'cosine' | 'signalToNoiseDb' | 'nonFinite'
>;

const MOST_NAME_WIDTH = 42;
const MOST_NOT_COMPARED = 8;

/** The error of the weights: the worst tensors, each role, the total, and what could not be compared. */
export function weightSections(weights: Diff['weights'], layout: TextLayout, top: number): string[][] {
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
    shown,
    layout,
    { title: 'types', read: ({ typeInA, typeInB }) => `${typeInA} / ${typeInB}` },
  );
  const rows = [
    ...byRole.map((role) => ({ ...role, name: role.role })),
    { ...total, name: 'total', tensors: tensors.length },
  ];
  const roles = errorTable('By role', rows, layout, {
    title: 'tensors',
    read: ({ tensors: count }) => formatCount(count),
  });
  return [
    shown.length > 0 ? [...worst, ...rest(different.length, shown.length, identical, layout)] : [],
    [...roles, ...legend(layout)],
    [...skipped(weights, layout), ...nonFinite(total, layout)],
  ];
}

/** How far the weights of b are from those of a. */
const ERROR_COLUMNS: readonly Column<ErrorMetrics>[] = [
  {
    title: 'rel. RMSE',
    unit: '%',
    read: ({ relativeRmse }) => given(relativeRmse, (fraction) => fraction * 100),
    precision: { significant: 3, most: 4 },
  },
  { title: 'max', read: ({ maxError }) => (maxError === 0 ? '0' : shortest(maxError)) },
  { title: 'cosine', read: ({ cosine }) => cosine, precision: { significant: 6, most: 6 } },
  {
    title: 'SNR',
    unit: 'dB',
    read: ({ signalToNoiseDb }) => signalToNoiseDb,
    precision: { significant: 4, most: 1 },
  },
];

function errorTable<Row extends ErrorMetrics & { readonly name: string }>(
  title: string,
  rows: readonly Row[],
  layout: TextLayout,
  more: Column<Row>,
): string[] {
  const heads = rows.map(({ name }) => ({ name: visible(name) }));
  const columns = fillColumns<Row>([...ERROR_COLUMNS, more], rows);
  return tableText({ title, heads, columns }, { ...layout, mostNameWidth: MOST_NAME_WIDTH });
}

/** Weights have no unit and any size: three digits of each. */
function shortest(value: number): string {
  return value >= 0.001 && value < 1000 ? value.toPrecision(3) : value.toExponential(1);
}

function rest(different: number, shown: number, identical: number, layout: TextLayout): string[] {
  const words = [
    ...(different > shown ? [`${counted(different - shown, 'more tensor')} differ: --all shows them`] : []),
    ...(identical > 0
      ? [`${counted(identical, 'tensor')} ${identical === 1 ? 'is' : 'are'} identical, byte for byte`]
      : []),
  ];
  return words.length === 0 ? [] : note(`${words.join('; ')}.`, layout).map((line) => layout.style.dim(line));
}

function legend(layout: TextLayout): string[] {
  const text =
    'rel. RMSE: root of the sum of (a - b)² over that of a². max: largest |a - b|. SNR: 6 dB are a bit of precision.';
  return note(text, layout).map((line) => layout.style.dim(line));
}

function nonFinite({ nonFinite: count }: ErrorMetrics, layout: TextLayout): string[] {
  if (count === 0) return [];
  const text = `! ${counted(count, 'pair')} of weights with a NaN or an infinity ${count === 1 ? 'is' : 'are'} left out of all numbers`;
  return note(text, layout).map((line) => layout.style.warn(line));
}

/** By reason, with the names. */
function skipped({ notCompared }: DiffedWeights, layout: TextLayout): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of notCompared)
    byReason.set(reason, [...(byReason.get(reason) ?? []), brief(name)]);
  return [...byReason].flatMap(([reason, names]) => {
    const text = `! Not compared, ${reason}: ${firstOf(names, MOST_NOT_COMPARED).join(', ')}`;
    return note(text, layout).map((line) => layout.style.warn(line));
  });
}

/** Whether `--fail-above` holds. */
export function gateLines(gate: Diff['gate'], layout: TextLayout): string[] {
  if (gate === null) return [];
  const { style } = layout;
  const verdict = gate.holds ? style.good('holds') : style.bad('does not hold');
  const [first = '', ...more] = note(`--fail-above ${gate.maxRelativeRmse}: ${brief(gate.reason)}`, layout);
  return [...[first, ...more].slice(0, -1), `${[first, ...more].at(-1) ?? ''}: ${verdict}`];
}
