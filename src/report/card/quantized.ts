import type { CardFacts } from '../../validate/card/facts.ts';
import { escaped } from '../table-markdown.ts';
import { marked, table } from './model.ts';

/** What each role of tensors is stored in, and in which layers; from the tensors, never from the label. */
export function quantized(facts: CardFacts): string {
  const { quantization, header } = facts;
  // Norms and biases are vectors of floats in every recipe.
  const matrices = header.tensors.filter(({ shape }) => shape.length >= 2);
  const matrixRoles = new Set(matrices.map(({ name }) => name.replace(/^blk\.\d+\.|\.weight$/g, '')));
  const roles = quantization.byRole.filter(({ role }) => matrixRoles.has(role));
  const rows = roles.map((share) => [
    escaped(share.role),
    marked(placesOf(share, quantization.layers), 'read'),
    marked(share.bitsPerWeight.toFixed(2), 'read'),
    marked(`${((100 * share.bytes) / quantization.tensorBytes).toFixed(1)} %`, 'read'),
  ]);
  const { label, agrees, reason = '' } = quantization.label;
  return [
    ...(agrees ? [] : [`The label ${escaped(label)} is not borne out: ${escaped(reason)}.`]),
    'Read from the tensors, not from the label:',
    table(['Tensors', 'Types', 'Bits per weight', 'Share of the weights'], rows, true),
    ...recipe(facts),
  ].join('\n\n');
}

/** How it was made, as far as the file says: the recipe, the importance matrix, and what quantscope wrote of a mix. */
function recipe({ model, quantization, header }: CardFacts): string[] {
  const { imatrix, fileTypeLabel } = model;
  const isMix = header.metadata.has('quantscope.mix');
  const rows: [string, string][] = [];
  const read = (name: string, value: string | number | null | undefined): void => {
    if (value !== null && value !== undefined) rows.push([name, marked(escaped(String(value)), 'read')]);
  };
  if (fileTypeLabel !== undefined && quantization.label.agrees)
    read(isMix ? 'Based on' : 'Recipe', fileTypeLabel);
  if (imatrix !== null) {
    read('Importance matrix', imatrix.file);
    read('made from', imatrix.dataset);
    read('chunks of it', imatrix.chunks);
    read('matrices in it', imatrix.entries);
  }
  for (const [key, value] of header.metadata) {
    if (key.startsWith('quantscope.') && value.type === 'string') read(key, value.value);
  }
  return rows.length === 0 ? [] : ['As the file says:', table(['Made with', ''], rows, true)];
}

function placesOf(
  { role, byType }: CardFacts['quantization']['byRole'][number],
  layers: CardFacts['quantization']['layers'],
): string {
  const [first, ...others] = byType;
  if (first === undefined) return '-';
  if (others.length === 0) return first.type;
  const rarer = others.map(({ type }) => {
    const numbers = layers.filter(({ types }) => types.get(role) === type).map(({ layer }) => layer);
    return numbers.length === 0 ? type : `${type} in layers ${ranges(numbers)}`;
  });
  return [...rarer, `${first.type} elsewhere`].join('; ');
}

/** `0-3, 6, 9`. */
function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}
