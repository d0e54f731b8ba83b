import {
  bitsPerWeightOf,
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
  /** Small first. */
  readonly types: readonly TensorType[];
}

/** More matrices than these are grouped by role and block of layers. */
const MOST_ALONE = 48;
/** Blocks of neighbouring layers, as of one role they bear much the same. */
const LAYER_BLOCKS = 5;

/** Types that llama.cpp makes without an importance matrix. */
const TYPES: readonly TensorType[] = [
  ...(['Q2_K', 'Q3_K', 'IQ4_XS', 'Q4_0', 'IQ4_NL', 'Q4_K', 'Q4_1'] as const),
  ...(['Q5_0', 'Q5_K', 'Q5_1', 'Q6_K', 'Q8_0'] as const),
];
/** Types that it refuses to make without one (tensor_requires_imatrix, llama-quant.cpp), and one that is poor then. */
const TYPES_OF_IMATRIX: readonly TensorType[] = ['IQ2_XXS', 'IQ2_XS', 'IQ2_S', 'IQ3_XXS', 'IQ3_S'];
/** Of the first and the last matrix it does not refuse this one. */
const TYPES_OF_ENDS: readonly TensorType[] = ['IQ3_XXS'];
const END = /^(?:token_embd|output)\.weight$/;

export interface GroupingRequest {
  /** Tensors that the recipe quantizes and that a change can be tried of. */
  readonly names: ReadonlySet<string>;
  /** Of these there is an importance matrix. */
  readonly important: ReadonlySet<string>;
  /** null for all. */
  readonly allowed: ReadonlySet<TensorType> | null;
}

/** Groups of tensors, each with the types that all of it can have; those that can have none are left out. */
export function candidateGroups(tensors: readonly TensorInfo[], request: GroupingRequest): Candidates[] {
  const matrices = tensors.filter(({ name }) => request.names.has(name));
  const layers = 1 + Math.max(0, ...matrices.map(({ name }) => placeOfTensor(name).layer ?? 0));
  const groups = new Map<string, TensorInfo[]>();
  for (const tensor of matrices) {
    const { role, layer } = placeOfTensor(tensor.name);
    const isAlone = matrices.length <= MOST_ALONE || layer === undefined;
    const name = isAlone ? tensor.name : `${role}, ${blockName(layer, layers)}`;
    groups.set(name, [...(groups.get(name) ?? []), tensor]);
  }
  return [...groups]
    .map(([name, members]) => ({ name, tensors: members, types: typesOf(members, request) }))
    .filter(({ types }) => types.length > 0);
}

function blockName(layer: number, layers: number): string {
  const block = Math.floor((layer * LAYER_BLOCKS) / layers);
  const first = Math.ceil((block * layers) / LAYER_BLOCKS);
  const last = Math.ceil(((block + 1) * layers) / LAYER_BLOCKS) - 1;
  return `layers ${first}-${last}`;
}

function typesOf(tensors: readonly TensorInfo[], { important, allowed }: GroupingRequest): TensorType[] {
  const isImportant = tensors.every(({ name }) => important.has(name));
  const isEnd = tensors.every(({ name }) => END.test(name));
  const more = isImportant ? TYPES_OF_IMATRIX : isEnd ? TYPES_OF_ENDS : [];
  return [...TYPES, ...more]
    .filter((type) => allowed === null || allowed.has(type))
    .filter((type) =>
      tensors.every(({ shape: [columns = 0] }) => columns % layoutOf(type).blockElements === 0),
    )
    .sort((a, b) => bitsPerWeightOf(a) - bitsPerWeightOf(b));
}

export function bytesOf(tensors: readonly TensorInfo[], type: TensorType): number {
  return tensors.reduce((sum, { elements }) => sum + padded(bytesForElements(type, elements)), 0);
}
