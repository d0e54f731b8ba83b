import {
  bytesForElements,
  layoutOf,
  placeOfTensor,
  type TensorInfo,
  type TensorType,
} from '../../gguf/index.ts';
import { padded } from '../quantize/plan.ts';

/** Tensors that are tried, and in the end typed, together. */
export interface Candidates {
  readonly name: string;
  readonly tensors: readonly TensorInfo[];
  readonly types: readonly TensorType[];
}

/** More matrices than these are grouped by role and block of layers. */
const MOST_ALONE = 48;
/** Blocks of neighbouring layers, as of one role they bear much the same. */
const LAYER_BLOCKS = 5;

/** Types without an importance matrix of their own, small first: for rows of whole super-blocks, and for others. */
const TYPES: readonly TensorType[] = ['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K', 'Q8_0'];
const TYPES_OF_SHORT_ROWS: readonly TensorType[] = ['Q4_0', 'IQ4_NL', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0'];

/** @param names tensors that the recipe quantizes and that a change can be tried of */
export function candidateGroups(tensors: readonly TensorInfo[], names: ReadonlySet<string>): Candidates[] {
  const matrices = tensors.filter(({ name }) => names.has(name));
  if (matrices.length <= MOST_ALONE) {
    return matrices.map((tensor) => ({ name: tensor.name, tensors: [tensor], types: typesOf([tensor]) }));
  }
  const layers = 1 + Math.max(0, ...matrices.map(({ name }) => placeOfTensor(name).layer ?? 0));
  const groups = new Map<string, TensorInfo[]>();
  for (const tensor of matrices) {
    const { role, layer } = placeOfTensor(tensor.name);
    const name = layer === undefined ? tensor.name : `${role}, ${blockName(layer, layers)}`;
    groups.set(name, [...(groups.get(name) ?? []), tensor]);
  }
  return [...groups].map(([name, members]) => ({ name, tensors: members, types: typesOf(members) }));
}

function blockName(layer: number, layers: number): string {
  const block = Math.floor((layer * LAYER_BLOCKS) / layers);
  const first = Math.ceil((block * layers) / LAYER_BLOCKS);
  const last = Math.ceil(((block + 1) * layers) / LAYER_BLOCKS) - 1;
  return `layers ${first}-${last}`;
}

function typesOf(tensors: readonly TensorInfo[]): readonly TensorType[] {
  const fits = (types: readonly TensorType[]) =>
    types.every((type) =>
      tensors.every(({ shape: [columns = 0] }) => columns % layoutOf(type).blockElements === 0),
    );
  if (fits(TYPES)) return TYPES;
  return fits(TYPES_OF_SHORT_ROWS) ? TYPES_OF_SHORT_ROWS : [];
}

export function bytesOf(tensors: readonly TensorInfo[], type: TensorType): number {
  return tensors.reduce((sum, { elements }) => sum + padded(bytesForElements(type, elements)), 0);
}
