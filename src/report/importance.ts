import type { Diff } from '../schema/diff.ts';
import type { Importance } from '../schema/imatrix.ts';
import type { Inspection } from '../schema/inspection.ts';
import { counted, formatCount } from '../util/units.ts';
import { firstOf, note, percent } from './inspection-layout.ts';
import { brief } from './inspection-text.ts';
import { type Column, factTable, fillColumns } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';

const MOST_NAMES = 6;
const MOST_DISTANT = 8;

/** What an importance matrix is of, what it leaves open, and which matrices stand out. */
export function importanceSections(
  importance: NonNullable<Inspection['importance']>,
  layout: TextLayout,
): string[][] {
  const { style } = layout;
  if ('status' in importance) return [note(`! ${brief(importance.reason)}`, layout).map(style.warn)];
  const { datasets, chunks, chunkSize, weights, coverage, strongest, weakest } = importance;
  const tokens = chunkSize === 0 ? '' : ` of ${counted(chunkSize, 'token')}`;
  const facts = [
    ['is', 'an importance matrix: how strongly each column of the weights is used; quantize takes it'],
    ['texts', firstOf(datasets.map(brief), MOST_NAMES).join(', ') || 'not stated'],
    ['read', `${counted(chunks, 'chunk')}${tokens}`],
    ['matrices', formatCount(weights)],
    ['coverage', `${percent(coverage, 1)} of the matrices were reached by some token, each expert counted`],
  ] as const;
  return [
    [style.bold('Importance'), ...tableText(factTable(facts), layout), ...gaps(importance, layout)],
    useTable('Most used', strongest, layout),
    useTable('Least used', weakest, layout),
  ];
}

function gaps({ empty, partial }: Importance, layout: TextLayout): string[] {
  const experts = partial.map(
    ({ name, reached, experts: all }) => `${brief(name)} ${all - reached} of ${all}`,
  );
  return [
    ...(empty.length > 0 ? [`! without data: ${firstOf(empty.map(brief), MOST_NAMES).join(', ')}`] : []),
    ...(experts.length > 0
      ? [`! experts that no token reached, which more text may: ${firstOf(experts, MOST_NAMES).join(', ')}`]
      : []),
  ].flatMap((text) => note(text, layout).map((line) => layout.style.warn(line)));
}

const USE_COLUMNS: readonly Column<Importance['strongest'][number]>[] = [
  {
    title: 'mean square',
    unit: 'of inputs',
    read: ({ meanSquare }) => meanSquare,
    write: (value) => value.toPrecision(3),
  },
  { title: 'share', read: ({ share }) => percent(share, 1) },
];

function useTable(title: string, uses: Importance['strongest'], layout: TextLayout): string[] {
  if (uses.length === 0) return [];
  const heads = uses.map(({ name }) => ({ name: brief(name) }));
  return tableText({ title, heads, columns: fillColumns(USE_COLUMNS, uses) }, layout);
}

type Distances = NonNullable<Diff['importance']>;

const DISTANCE_COLUMNS: readonly Column<Distances['matrices'][number]>[] = [
  {
    title: 'rel. RMSE',
    unit: '%',
    read: ({ relativeRmse }) => (relativeRmse === null ? null : relativeRmse * 100),
    precision: { significant: 3, most: 4 },
  },
  { title: 'cosine', read: ({ cosine }) => cosine, precision: { significant: 6, most: 6 } },
];

/** How far two importance matrices are from each other, matrix by matrix. */
export function importanceDistances(
  { matrices, onlyInA, onlyInB, reshaped }: Distances,
  layout: TextLayout,
  all: boolean,
): string[] {
  const { style } = layout;
  const shown = all ? matrices : matrices.slice(0, MOST_DISTANT);
  const heads = shown.map(({ name }) => ({ name: brief(name) }));
  const title =
    shown.length < matrices.length ? `Farthest ${shown.length} matrices` : 'Matrices, farthest first';
  const errors = matrices.map(({ relativeRmse }) => relativeRmse ?? 0).sort((x, y) => x - y);
  const median = errors[Math.floor(errors.length / 2)];
  const listed = (what: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${what}: ${firstOf(names.map(brief), MOST_NAMES).join(', ')}`];
  const lines = [
    ...(median === undefined
      ? []
      : [`median of all ${formatCount(matrices.length)}: ${Number((median * 100).toPrecision(3))} %`]),
    ...listed('only in a', onlyInA),
    ...listed('only in b', onlyInB),
    ...listed('of another size in b', reshaped),
  ];
  const legend = 'mean squared inputs of b against those of a, column by column: texts of any length compare';
  return [
    ...tableText({ title, heads, columns: fillColumns(DISTANCE_COLUMNS, shown) }, layout),
    ...lines.flatMap((line) => note(line, layout)),
    ...note(legend, layout).map((line) => style.dim(line)),
  ];
}
