import type { VariantRow, VariantsReport } from '../schema/hub.ts';
import { formatBytes } from '../util/units.ts';
import { plainStyle } from './style.ts';
import { type Column, fillColumns, type RowHead } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';
import { printable, wrap } from './text-width.ts';

/** Types that hold less than this are not named: norms and biases are in every file. */
const LEAST_FRACTION = 0.01;

/** The table of a repository's quantizations, without a newline at its end. */
export function renderVariants(
  report: VariantsReport,
  { width = 100, style = plainStyle }: Partial<TextLayout> = {},
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
  const heads = variants.map(
    ({ label, failure }): RowHead => ({
      name: printable(label),
      role: failure === null ? '' : 'failed',
    }),
  );
  const columns = fillColumns(columnsOf(report), variants);
  lines.push(...tableText({ title: 'quantization', heads, columns }, { width, style }));
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

function columnsOf({ contextSize }: VariantsReport): Column<VariantRow>[] {
  return [
    { title: 'file', read: ({ bytes }) => formatBytes(bytes) },
    { title: 'bits per', unit: 'weight', read: ({ bitsPerWeight }) => bitsPerWeight?.toFixed(2) ?? null },
    {
      title: 'memory, est.',
      unit: `at ${contextSize}`,
      read: ({ memoryBytes }) => (memoryBytes === null ? null : formatBytes(memoryBytes)),
    },
    { title: 'imatrix', read: ({ imatrix }) => (imatrix === null ? null : imatrix ? 'yes' : 'no') },
    { title: 'cached', read: ({ cached }) => (cached ? 'yes' : 'no') },
    {
      title: 'tensor types',
      unit: '% of bytes',
      read: ({ mix }) => (mix.length === 0 ? null : describeMix(mix)),
    },
  ];
}

function describeMix(mix: VariantRow['mix']): string {
  return mix
    .filter(({ share }) => share >= LEAST_FRACTION)
    .slice(0, 3)
    .map(({ type, share }) => `${type} ${Math.round(share * 100)}`)
    .join(', ');
}
