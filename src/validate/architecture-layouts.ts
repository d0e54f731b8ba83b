import type { Condition, Size } from '../schema/llama-cpp.ts';
import type { Dimensions } from './architecture-dimensions.ts';
import { LAYOUTS, TENSOR_GROUPS } from './llama-cpp.ts';

/** A tensor that an architecture creates. */
export interface ExpectedTensor {
  readonly name: string;
  /** `ne` in ggml's order; trailing dimensions of 1 do not count. */
  readonly shape: readonly number[];
  readonly required: boolean;
}

/** Architectures whose exact tensor set is known here. */
export const COVERED_ARCHITECTURES: readonly string[] = Object.keys(LAYOUTS);

/** Architectures whose output is always the embedding: an `output.weight` of their own is never loaded. */
export const TIED_ARCHITECTURES: readonly string[] = COVERED_ARCHITECTURES.filter(
  (name) => LAYOUTS[name]?.isTied,
);

/** Tensors that some models of an architecture carry and whose shape follows from keys that are not covered. */
export function unshapedTensors(architecture: string): readonly string[] {
  return LAYOUTS[architecture]?.unshaped ?? [];
}

/**
 * The tensors that a model of an architecture has, by data/llama-cpp.json; undefined for an architecture that is not
 * covered.
 * @param has whether the file holds a tensor: fused and separate projections exclude each other
 */
export function expectedTensors(
  architecture: string,
  dimensions: Dimensions,
  has: (name: string) => boolean,
): ExpectedTensor[] | undefined {
  const layout = Object.hasOwn(LAYOUTS, architecture) ? LAYOUTS[architecture] : undefined;
  if (layout === undefined) return undefined;
  const { query, outside, layer, fusedUnless } = layout;
  const sizes = sizesOf(dimensions, query === 'heads' ? dimensions.keyLength * dimensions.heads : undefined);
  const tensorsOf = (groups: readonly string[], prefix: string): ExpectedTensor[] => {
    // `create_tensor_qkv`, src/llama-model.cpp:3270: one fused tensor or three; phi3 has one unless a converter split it.
    const isFused = fusedUnless === undefined ? has(`${prefix}attn_qkv.weight`) : !has(prefix + fusedUnless);
    const holds = conditionsOf(dimensions, isFused, layer.includes('experts'));
    return groups.flatMap((group) => {
      const { when, tensors = [] } = TENSOR_GROUPS[group] ?? {};
      if (when !== undefined && !holds[when]) return [];
      return tensors.map(([name, ...shape]) => ({
        name: prefix + name.replace('?', ''),
        shape: shape.map((size) => sizes[size]),
        required: !name.endsWith('?'),
      }));
    });
  };
  const layers = Array.from({ length: dimensions.layers }, (_, index) => tensorsOf(layer, `blk.${index}.`));
  return [...tensorsOf(outside, ''), ...layers.flat()];
}

/** @param mayHaveExperts whether the architecture loads experts: another loads a dense layer whatever the file states */
function conditionsOf(
  { experts, sharedExpertLength, isLongRope }: Dimensions,
  isFused: boolean,
  mayHaveExperts: boolean,
): Readonly<Record<Condition, boolean>> {
  const hasExperts = mayHaveExperts && experts > 0;
  return {
    fused: isFused,
    notFused: !isFused,
    longRope: isLongRope,
    notLongRope: !isLongRope,
    experts: hasExperts,
    sharedExpert: hasExperts && sharedExpertLength > 0,
    dense: !hasExperts,
  };
}

/** @param query the width of all queries. Default: the embedding's */
function sizesOf(dimensions: Dimensions, query = dimensions.embedding): Readonly<Record<Size, number>> {
  const { embedding, feedForward, vocabulary, experts, keyLength, kvHeads } = dimensions;
  const [keys, values] = [keyLength * kvHeads, dimensions.valueLength * kvHeads];
  return {
    embedding,
    feedForward,
    gateAndUp: 2 * feedForward,
    vocabulary,
    query,
    keys,
    values,
    queryKeysValues: query + keys + values,
    keyLength,
    ropeHalf: dimensions.ropeDimensions / 2,
    experts,
    sharedExpert: dimensions.sharedExpertLength,
  };
}
