import { isAvailable } from '../schema/availability.ts';
import type { Results, VariantResult } from '../schema/results.ts';
import type { CellColumn, FigureColumn } from './figure-column.ts';
import { decimalsFor, formatFixed } from './numbers.ts';
import { printable, shortenMiddle } from './text-width.ts';

const MEBI = 1024 ** 2;
const MOST_TITLE_WIDTH = 20;

/** Bytes by tensor type, the types that hold most of all variants' bytes first; a type not used is blank. */
export function compositionColumns({ variants }: Results): CellColumn[] {
  const totals = new Map<string, number>();
  for (const variant of variants) {
    for (const { type, bytes } of typesOf(variant)) totals.set(type, (totals.get(type) ?? 0) + bytes);
  }
  const types = [...totals].sort(([, one], [, other]) => other - one).map(([type]) => type);
  return types.map((type) => {
    const sizes = variants.map((variant) => {
      const entries = typesOf(variant).filter((entry) => entry.type === type);
      return entries.length === 0 ? undefined : entries.reduce((total, { bytes }) => total + bytes, 0) / MEBI;
    });
    const decimals = decimalsFor(
      sizes.filter((size) => size !== undefined),
      { significant: 3, most: 2 },
    );
    return {
      title: shortenMiddle(printable(type), MOST_TITLE_WIDTH),
      unit: 'MiB',
      cells: sizes.map((size) => ({
        text: size === undefined ? '' : formatFixed(size, decimals),
        tone: 'plain' as const,
      })),
    };
  });
}

/** How far the weights are from the reference's, for results that carry it. */
export const weightErrorColumn: FigureColumn = {
  title: 'weight error',
  unit: 'rel. RMS %',
  label: 'weight error',
  read: ({ weights }) => (isAvailable(weights) ? { value: weights.relativeRmse * 100 } : weights),
  precision: { significant: 3, most: 2 },
  best: 'lowest',
  againstReference: true,
  optional: true,
};

/** Which variants were quantized with an importance matrix, and from what. */
export function imatrixNotes({ variants }: Results): string[] {
  return variants.flatMap(({ name, quantization }) => {
    if (!isAvailable(quantization) || quantization.imatrix === null) return [];
    const { file, dataset, chunks } = quantization.imatrix;
    const facts = [
      ...(dataset ? [`from ${dataset}`] : file ? [`from ${file}`] : []),
      ...(chunks === null ? [] : [`${chunks} chunks`]),
    ];
    return [
      `${name} was quantized with an importance matrix${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`,
    ];
  });
}

function typesOf({ quantization }: VariantResult) {
  return isAvailable(quantization) ? quantization.byType : [];
}
