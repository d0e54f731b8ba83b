import type { ImatrixResults } from '../schema/imatrix.ts';
import { counted, formatBytes, formatDuration } from '../util/units.ts';
import type { Style } from './style.ts';

/** What `imatrix` prints for a person. */
export function renderImatrix(results: ImatrixResults, style: Style): string {
  const { path, bytes, datasets, chunks, chunkSize, weights, missing, empty, partial, strongest, weakest } =
    results;
  const named = (matrices: ImatrixResults['strongest']) =>
    matrices.map(({ name, share }) => `${name} ${(share * 100).toPrecision(2)} %`).join(', ');
  return [
    `${style.bold(path)}  ${formatBytes(bytes)}: ${weights} matrices, ${counted(chunks, 'chunk')} of ${chunkSize} tokens from ${datasets.join(', ')}, in ${formatDuration(results.durationMs)}`,
    style.dim(`most used: ${named(strongest)}`),
    style.dim(`least used: ${named(weakest)}`),
    ...([...missing, ...empty].length > 0
      ? [style.warn(`no chunk used ${[...missing, ...empty].join(', ')}`)]
      : []),
    ...partial.map(({ name, reached, experts }) =>
      style.warn(`${name}: ${experts - reached} of ${experts} experts were never reached; give more text`),
    ),
    '',
    `Next: quantscope quantize ${results.model} Q4_K_M --imatrix ${path}`,
  ].join('\n');
}
