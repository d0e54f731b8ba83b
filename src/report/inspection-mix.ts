import type { Inspection } from '../schema/inspection.ts';
import { counted, formatBytes, formatCount } from '../util/units.ts';
import { mixGrid } from './inspection-grid.ts';
import { firstOf, note, percent } from './inspection-layout.ts';
import { symbolsOf } from './inspection-symbols.ts';
import { brief } from './inspection-text.ts';
import { type Column, fillColumns } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';

type Quantization = Inspection['quantization'];
type Role = Quantization['byRole'][number];

/** The label and whether the tensors bear it out, the mix by role and layer, and bytes by type. */
export function quantizationSections({ quantization }: Inspection, layout: TextLayout): string[][] {
  const { style } = layout;
  if (quantization.byType.length === 0) {
    return [[style.bold('Quantization'), ...note('No tensors: a vocabulary or metadata alone.', layout)]];
  }
  const words = [...vectorsLine(quantization, layout), ...differences(quantization, layout)];
  return [
    labelLines(quantization, layout),
    [...mixGrid(quantization, layout), ...words],
    typeTable(quantization, layout),
  ];
}

function labelLines(quantization: Quantization, layout: TextLayout): string[] {
  const { style } = layout;
  const { label, labelSource, labelAgrees, labelReason, bitsPerWeight, tensorBytes } = quantization;
  const isStated = labelSource === 'general.file_type';
  const source = isStated ? 'general.file_type says' : 'the file name says';
  // What is wrong with a label of another source stands below: its tensors, or a number that stands for none.
  const verdict = labelAgrees
    ? `, ${brief(labelReason ?? 'and the tensors agree')}`
    : isStated
      ? ', but the tensors do not agree'
      : '';
  const unstated = labelAgrees ? 'no label, named after its tensors' : 'named after its tensors';
  const origin = labelSource === 'tensors' ? unstated : `${source}${verdict}`;
  const text = `${brief(label)} (${origin}): ${bitsPerWeight.toFixed(2)} bits a weight, ${formatBytes(tensorBytes)} of tensors`;
  const lines = [style.bold('Quantization'), ...note(text, layout)];
  if (labelAgrees || labelReason === null) return lines;
  return [...lines, ...note(`! ${brief(labelReason)}`, layout).map((line) => style.warn(line))];
}

/** Norms and biases are summed: they are vectors, kept in F32, and would hide the pattern of the matrices. */
function vectorsLine({ byRole, tensorBytes }: Quantization, layout: TextLayout): string[] {
  const vectors = byRole.filter((role) => role.vectors);
  if (vectors.length === 0) return [];
  const bytes = vectors.reduce((sum, role) => sum + role.bytes, 0);
  const tensors = vectors.reduce((sum, role) => sum + role.tensors, 0);
  const types = [...new Set(vectors.flatMap(({ byType }) => byType.map(({ type }) => type)))];
  const count = counted(tensors, 'vector');
  const text = `Besides ${count} (norms, biases) in ${types.join(', ')}: ${formatBytes(bytes)}, ${percent(bytes, tensorBytes)}.`;
  return note(text, layout).map((line) => layout.style.dim(line));
}

const MOST_DIFFERENCES = 12;

/** In words what the grid shows: who holds more bits, or fewer, than the type of most of the layers' weights. */
function differences({ byRole }: Quantization, layout: TextLayout): string[] {
  const matrices = byRole.filter(({ vectors }) => !vectors);
  const base = baseType(matrices.filter(({ inLayers }) => inLayers));
  if (base === undefined) return [];
  const { bitsOf } = symbolsOf(matrices);
  const told = (isOther: (bits: number) => boolean) =>
    matrices.flatMap((role) =>
      role.byType
        .filter(({ type }) => type !== base && isOther(bitsOf(type)))
        .map(({ type, tensors }) => `${brief(role.role)} ${portion(role, tensors)}in ${type}`),
    );
  const more = told((bits) => bits > bitsOf(base));
  const fewer = told((bits) => bits <= bitsOf(base));
  const sentences = [
    ...(more.length === 0 ? [] : [`More bits than ${base}: ${firstOf(more, MOST_DIFFERENCES).join(', ')}.`]),
    ...(fewer.length === 0 ? [] : [`No more than it: ${firstOf(fewer, MOST_DIFFERENCES).join(', ')}.`]),
  ];
  return note(sentences.length === 0 ? `Every matrix is ${base}.` : sentences.join(' '), layout);
}

function portion({ tensors, inLayers }: Role, ofType: number): string {
  if (!inLayers) return '';
  return ofType === tensors ? `(all ${tensors}) ` : `(${ofType} of ${tensors}) `;
}

function baseType(roles: readonly Role[]): string | undefined {
  const totals = new Map<string, number>();
  for (const { byType } of roles) {
    for (const { type, parameters } of byType) totals.set(type, (totals.get(type) ?? 0) + parameters);
  }
  return [...totals].sort(([, one], [, other]) => other - one)[0]?.[0];
}

const TYPE_COLUMNS: readonly Column<Quantization['byType'][number] & { readonly tensorBytes: number }>[] = [
  { title: 'tensors', read: ({ tensors }) => formatCount(tensors) },
  { title: 'parameters', read: ({ parameters }) => formatCount(parameters) },
  { title: 'bits', read: ({ bitsPerWeight }) => bitsPerWeight.toFixed(2) },
  { title: 'size', read: ({ bytes }) => formatBytes(bytes) },
  { title: 'share', read: ({ bytes, tensorBytes }) => percent(bytes, tensorBytes) },
];

function typeTable({ byType, tensorBytes }: Quantization, layout: TextLayout): string[] {
  const heads = byType.map(({ type }) => ({ name: type }));
  const columns = fillColumns(
    TYPE_COLUMNS,
    byType.map((type) => ({ ...type, tensorBytes })),
  );
  return tableText({ title: 'By type', heads, columns }, { nameWidth: 16, ...layout });
}
