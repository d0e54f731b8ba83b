import type { MetadataValue } from '../gguf/index.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { MAXIMUM_LAYERS } from './llama-cpp.ts';

/** The sizes that every tensor's shape follows from. */
export interface Dimensions {
  readonly layers: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly ropeDimensions: number;
  readonly experts: number;
  readonly sharedExpertLength: number;
  readonly isLongRope: boolean;
  /** Rows of the embedding, from the tensor itself: what the vocabulary says is another rule's matter. */
  readonly vocabulary: number;
}

/** One number of a key: of the first layer, where there is one for each, as llama.cpp uses it for these models. */
export function numberOf(value: MetadataValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  const first =
    value.type === 'array' ? (value.value.length > 0 ? value.value.at(0) : undefined) : value.value;
  if (typeof first === 'bigint') return Number(first);
  return typeof first === 'number' ? first : undefined;
}

/** The dimensions of a model, or undefined where a key is absent or makes no sense: other rules say so then. */
export function dimensionsOf({ value, tensors }: FileUnderTest): Dimensions | undefined {
  const number = (suffix: string): number | undefined => numberOf(value(suffix));
  const rowsOf = (tensor: string): number | undefined =>
    tensors.find(({ name }) => name === tensor)?.shape[1];
  const layers = number('block_count');
  const embedding = number('embedding_length');
  const feedForward = number('feed_forward_length');
  const heads = number('attention.head_count');
  if (!isPositive(layers) || layers > MAXIMUM_LAYERS) return undefined;
  if (!isPositive(embedding) || !isPositive(feedForward) || !isPositive(heads)) return undefined;
  const kvHeads = number('attention.head_count_kv') ?? heads;
  const headLength = Math.floor(embedding / heads);
  const keyLength = number('attention.key_length') ?? headLength;
  const valueLength = number('attention.value_length') ?? headLength;
  if (!isPositive(kvHeads) || !isPositive(keyLength) || !isPositive(valueLength)) return undefined;
  const experts = number('expert_count') ?? 0;
  const used = number('expert_used_count') ?? 0;
  if (used > experts || (experts > 0 && used === 0)) return undefined;
  if (value('attention.key_length') === undefined && embedding % heads !== 0) return undefined;
  const scaling = value('rope.scaling.type');
  return {
    layers,
    embedding,
    feedForward,
    heads,
    kvHeads,
    keyLength,
    valueLength,
    ropeDimensions: number('rope.dimension_count') ?? keyLength,
    experts,
    sharedExpertLength: number('expert_shared_feed_forward_length') ?? 0,
    isLongRope: scaling?.type === 'string' && scaling.value === 'longrope',
    vocabulary: rowsOf('token_embd.weight') ?? rowsOf('output.weight') ?? 0,
  };
}

function isPositive(value: number | undefined): value is number {
  return value !== undefined && Number.isSafeInteger(value) && value > 0;
}
