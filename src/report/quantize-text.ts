import type { QuantizedVariant, QuantizeResults } from '../schema/quantize.ts';
import { formatBytes, formatDuration } from '../util/units.ts';
import type { Style } from './style.ts';

/** What `quantize` prints for a person: a few lines for each variant, then what to do next. */
export function renderQuantize({ source, imatrix, dryRun, variants }: QuantizeResults, style: Style): string {
  const lines = [
    `${source.ref}  ${formatBytes(source.bytes)}, ${source.bitsPerWeight.toFixed(2)} bits a weight`,
  ];
  if (imatrix !== null) {
    lines.push(
      style.dim(`importance matrix ${imatrix.path}: ${imatrix.entries} weights, ${imatrix.chunks} chunks`),
    );
    if (imatrix.missing.length > 0) {
      lines.push(
        style.warn(`  it says nothing of ${imatrix.missing.length} matrices: ${listed(imatrix.missing)}`),
      );
    }
  }
  for (const variant of variants) lines.push('', ...variantLines(variant, source.bytes, style));
  const [first] = variants;
  if (first === undefined) return lines.join('\n');
  const made = variants.map(({ paths: [path = ''] }) => path).join(' ');
  const next = dryRun
    ? 'Nothing was written: leave --dry-run out to make them.'
    : `Next: quantscope compare ${source.ref} ${made}`;
  return [...lines, '', next].join('\n');
}

function variantLines(variant: QuantizedVariant, sourceBytes: number, style: Style): string[] {
  const { recipe, paths, bytes, bitsPerWeight, byType, fallbacks, requantized, durationMs } = variant;
  const total = byType.reduce((sum, each) => sum + each.bytes, 0);
  const mix = byType
    .filter((each) => each.bytes / total >= 0.005)
    .map((each) => `${each.type} ${((each.bytes / total) * 100).toFixed(0)} %`);
  const took = durationMs === null ? '' : `, made in ${formatDuration(durationMs)}`;
  const [path = '', ...others] = paths;
  return [
    `${style.bold(recipe)}  ${formatBytes(bytes)}, ${bitsPerWeight.toFixed(2)} bits a weight, ` +
      `${((bytes / sourceBytes) * 100).toFixed(0)} % of the source${took}`,
    `  ${path}${others.length > 0 ? ` and ${others.length} more` : ''}`,
    style.dim(`  ${mix.join(', ')}`),
    ...fallbacks.map(({ wanted, taken, tensors, columns, blockElements }) =>
      style.warn(
        `  ${tensors} tensors are ${taken} instead of ${wanted}: rows of ${columns} are no multiple of ${blockElements}`,
      ),
    ),
    ...(requantized > 0
      ? [
          style.warn(
            `  ${requantized} tensors were quantized before: what they lost then they have lost for good`,
          ),
        ]
      : []),
  ];
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
