import type { VariantRow, VariantsReport } from '../schema/hub.ts';
import { formatBytes } from '../util/units.ts';
import { chooseNameWidth, layOutTable, type RowHead } from './column-layout.ts';
import type { Cell, CellColumn } from './figure-column.ts';
import { plainStyle, type Style } from './style.ts';
import { printable, wrap } from './text-width.ts';

export interface VariantsTableOptions {
  readonly width?: number;
  readonly style?: Style;
}

/** Types that hold less than this are not named: norms and biases are in every file. */
const LEAST_SHARE = 0.01;

/** The table of a repository's quantizations, without a newline at its end. */
export function renderVariants(
  report: VariantsReport,
  { width = 100, style = plainStyle }: VariantsTableOptions = {},
): string {
  const { repo, commit, variants, model, notes } = report;
  const lines = [style.bold(printable(`${repo} @ ${commit.slice(0, 8)}`))];
  if (model !== null) {
    const parts = [model.name, model.architecture, `${(model.parameters / 1e9).toFixed(2)} B parameters`];
    if (model.contextLength !== null)
      parts.push(`trained for ${model.contextLength.toLocaleString('en-US')} tokens`);
    lines.push(printable(parts.filter((part) => part !== null).join(', ')));
  }
  if (report.licence !== null) lines.push(...wrap(`licence: ${printable(report.licence)}`, width, '  '));
  lines.push('');
  const heads: RowHead[] = variants.map(({ label, failure }) => ({
    name: printable(label),
    role: failure === null ? '' : 'failed',
    recommended: false,
  }));
  const table = { title: 'quantization', columns: columnsOf(report) };
  const nameWidth = chooseNameWidth(heads, [table], width);
  lines.push(...layOutTable(table, heads, { nameWidth, width, style }));
  const failures = new Map(
    variants.flatMap(
      (
        { failure }, // What to do about a gated repository is a note of its own.
      ) => (failure === null || failure.code === 'hub/gated' ? [] : [[failure.message, failure]]),
    ),
  );
  const told = [
    ...[...failures.values()].map(({ message, hint }) => `${message}${hint ? `. ${hint}` : ''}`),
    ...notes,
  ];
  if (told.length > 0) lines.push('');
  for (const note of told) lines.push(...wrap(`- ${printable(note)}`, width, '  '));
  return lines.join('\n');
}

function columnsOf({ variants, contextSize }: VariantsReport): CellColumn[] {
  const column = (title: string, unit: string, text: (row: VariantRow) => string | null): CellColumn => ({
    title,
    unit,
    cells: variants.map((row): Cell => {
      const written = text(row);
      return written === null ? { text: '-', tone: 'quiet' } : { text: written, tone: 'plain' };
    }),
  });
  return [
    column('file', '', ({ bytes }) => formatBytes(bytes)),
    column('bits per', 'weight', ({ bitsPerWeight }) => bitsPerWeight?.toFixed(2) ?? null),
    column('memory, est.', `at ${contextSize}`, ({ memoryBytes }) =>
      memoryBytes === null ? null : formatBytes(memoryBytes),
    ),
    column('imatrix', '', ({ imatrix }) => (imatrix === null ? null : imatrix ? 'yes' : 'no')),
    column('cached', '', ({ cached }) => (cached ? 'yes' : 'no')),
    column('tensor types', '% of bytes', ({ mix }) => (mix.length === 0 ? null : describeMix(mix))),
  ];
}

function describeMix(mix: VariantRow['mix']): string {
  return mix
    .filter(({ share }) => share >= LEAST_SHARE)
    .slice(0, 3)
    .map(({ type, share }) => `${type} ${Math.round(share * 100)}`)
    .join(', ');
}
