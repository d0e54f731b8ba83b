import { z } from 'zod';
import { importanceSchema } from './imatrix.ts';
import { bytes, count, type Document, orUnavailable, scalar } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

const figure = z.number().nullable();
const extent = z.strictObject({ start: bytes, end: bytes });

const entry = z.union([
  z.strictObject({ key: z.string(), type: z.string(), value: scalar }),
  z.strictObject({
    key: z.string(),
    type: z.literal('array'),
    elementType: z.string(),
    length: count,
    /** The first few elements. */
    preview: z.array(scalar),
    /** All of them, for a key that `--key` names. */
    value: z.array(scalar).optional(),
  }),
]);

const token = z.strictObject({ id: count, text: z.string().nullable() });

/** A token that begins or ends a text, and whether the file states it. */
const specialToken = z.strictObject({
  ...token.shape,
  /** `text`: recognised by its text; `default`: the fixed id of the tokenizer's kind. */
  from: z.enum(['stated', 'text', 'default']),
});

/** As llama.cpp v0.5.0 takes them while it loads the file. */
const specialTokens = z.strictObject({
  bos: specialToken.nullable(),
  eos: specialToken.nullable(),
  eot: specialToken.nullable(),
  eom: specialToken.nullable(),
  addsBos: z.boolean(),
  addsEos: z.boolean(),
  /** Tokens at which a reply ends. */
  endOfGeneration: z.array(token),
});

const sections = z.strictObject({
  fixed: extent,
  metadata: extent,
  tensorInfos: extent,
  data: extent,
});

/** What the file is, by its content, and what to do with it. */
const identity = z.strictObject({
  kind: z.enum([
    'model',
    'vocabulary',
    'shard',
    'adapter',
    'projector',
    'control-vector',
    'imatrix',
    'ollama',
    'other',
  ]),
  what: z.string(),
  use: z.string().nullable(),
});

const model = z.strictObject({
  architecture: z.string().nullable(),
  name: z.string().nullable(),
  sizeLabel: z.string().nullable(),
  license: z.string().nullable(),
  /** Names and addresses of the models it was made from. */
  baseModels: z.array(z.string()),
  parameters: count,
  contextLength: figure,
  rope: z
    .strictObject({
      scaling: z.string().nullable().describe('none, linear, yarn or longrope, as stated.'),
      factor: figure,
      originalContextLength: figure.describe(
        'Tokens of the first training, from where positions are stretched.',
      ),
      unstretched: figure.describe(
        'The largest context that gets the short factors; all larger ones get the long.',
      ),
    })
    .nullable()
    .describe('How rotary positions are stretched; null where they are not.'),
  embeddingLength: figure,
  feedForwardLength: figure,
  layers: figure,
  heads: figure,
  kvHeads: figure,
  keyLength: figure,
  valueLength: figure,
  experts: figure,
  expertsUsed: figure,
  slidingWindow: figure,
  vocabularySize: figure,
  tokenizerModel: z.string().nullable(),
  preTokenizer: z.string().nullable(),
  /** As written; null where the file leaves it to the loader. */
  addBosToken: z.boolean().nullable(),
  addEosToken: z.boolean().nullable(),
  bosToken: token.nullable(),
  eosToken: token.nullable(),
  /** null for a file without a tokenizer that has such tokens. */
  specialTokens: specialTokens.nullable(),
  chatTemplate: z.strictObject({ characters: count, names: z.array(z.string()) }).nullable(),
  /** Where the importance matrix came from; null where none is recorded. */
  imatrix: z
    .strictObject({
      file: z.string().nullable(),
      dataset: z.string().nullable(),
      entries: figure,
      chunks: figure,
    })
    .nullable(),
  /** The part of a model in several files that this file is; null where the whole was read. */
  shard: z.strictObject({ number: count, of: count }).nullable(),
});

const share = z.strictObject({ type: z.string(), tensors: count, bytes, parameters: count });

const quantization = z.strictObject({
  label: z.string(),
  labelSource: z.enum(['general.file_type', 'file name', 'tensors']),
  /** Whether the tensors bear the label out, and if not, what they say. */
  labelAgrees: z.boolean(),
  labelReason: z.string().nullable(),
  bitsPerWeight: z.number(),
  tensorBytes: bytes,
  /** Most bytes first. */
  byType: z.array(z.strictObject({ ...share.shape, bitsPerWeight: z.number() })),
  byRole: z.array(
    z.strictObject({
      role: z.string(),
      /** Whether layers have it; the embedding and the output stand outside them. */
      inLayers: z.boolean(),
      /** Whether it holds vectors alone: norms and biases. */
      vectors: z.boolean(),
      tensors: count,
      bytes,
      parameters: count,
      bitsPerWeight: z.number(),
      byType: z.array(share),
    }),
  ),
  layers: z.array(
    z.strictObject({
      layer: count,
      bytes,
      bitsPerWeight: z.number(),
      types: z.array(z.strictObject({ role: z.string(), type: z.string() })),
    }),
  ),
});

const estimate = z.strictObject({
  contextSize: count,
  cacheType: z.string(),
  /** As they are loaded: a shared embedding counts twice where a copy of it is rearranged. */
  weightsBytes: bytes,
  /** Of these, what the CPU keeps rearranged for its kernels, in memory of its own beside the file's pages. */
  repackedBytes: bytes,
  kvBytes: bytes,
  /** Fixed state of recurrent layers; 0 for a plain transformer. */
  stateBytes: bytes,
  computeBytes: bytes,
  totalBytes: bytes,
});

/** A context that llama.cpp refuses, with what it says of it. */
const refusedEstimate = z.strictObject({
  contextSize: count,
  cacheType: z.string(),
  status: z.literal('unavailable'),
  reason: z.string(),
});

const memory = z.strictObject({
  ...estimate.shape,
  /**
   * `estimated`: sizes follow from the header, the compute buffer from the model’s graph, else from a formula. `engine`: llama.cpp went through a
   * load without allocating anything (--plan). No weight was read either way.
   */
  basis: z.enum(['estimated', 'engine']),
  /** What the estimate assumes of the loader. */
  backend: z.literal('cpu'),
  /** Whether the compute buffer is a rough guess, as the file has tensors that no graph is known of. */
  computeByFormula: z.boolean(),
  microBatch: count,
  flashAttention: z.boolean(),
  /** What one more token adds to an f16 cache while no window is full. */
  kvBytesPerToken: bytes,
  /** The same past every window, where only the layers that see all tokens grow. */
  kvBytesPerTokenBeyondWindows: bytes,
  byContext: z.array(z.union([estimate, refusedEstimate])),
});

const tokenEntry = z.strictObject({
  id: count,
  token: z.string(),
  score: figure,
  type: z.string().nullable(),
});

/**
 * What `inspect --json` prints. Offsets are bytes from the start of the file, except a tensor's, which is from the
 * start of the data section as the format has it. A model in several files is one inspection: `bytes`, tensors and all
 * that follows from them are of the whole, `header` and `sections` of the first shard, `shards` has each.
 */
export const inspectionSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.inspection),
  tool: z.strictObject({ version: z.string() }),
  ref: z.string(),
  bytes,
  /** What reading the headers took: requests to a server, or reads of local files. */
  source: z.strictObject({
    kind: z.enum(['file', 'url']),
    requests: count,
    bytesFetched: bytes,
    /** What a ref to the Hub meant: the (first) file at a commit; null for any other ref. */
    hub: z.strictObject({ repo: z.string(), commit: z.string(), file: z.string() }).nullable(),
  }),
  header: z.strictObject({
    version: count,
    metadataCount: count,
    tensorCount: count,
    alignment: count,
    dataOffset: bytes,
  }),
  sections,
  /** The files of a model in several, in order; empty for a model in one. */
  shards: z.array(
    z.strictObject({ name: z.string(), bytes, tensorCount: count, dataOffset: bytes, sections }),
  ),
  /** What is doubtful about the file's structure. */
  issues: z.array(
    z.strictObject({
      code: z.string(),
      severity: z.enum(['error', 'warning']),
      message: z.string(),
      offset: bytes,
    }),
  ),
  identity,
  model,
  metadata: z.array(entry),
  tensors: z.array(
    z.strictObject({
      name: z.string(),
      type: z.string(),
      shape: z.array(count),
      offset: bytes,
      bytes,
      /** Which shard it is in, from 1. */
      shard: count.optional(),
    }),
  ),
  quantization,
  memory: orUnavailable(memory),
  /** Of an importance matrix: what its sums say. */
  importance: orUnavailable(importanceSchema).optional(),
  /** Only with `--vocab`. */
  vocabulary: z.array(tokenEntry).optional(),
});

export type Inspection = Document<typeof inspectionSchema>;
export type InspectedEntry = Inspection['metadata'][number];
export type InspectedToken = Document<typeof tokenEntry>;
export type MemoryEstimate = Document<typeof estimate>;
export type RefusedEstimate = Document<typeof refusedEstimate>;
