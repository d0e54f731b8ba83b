import { z } from 'zod';
import { bytes, count, type Document, finite, orUnavailable, scalar } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

const value = z.union([
  z.strictObject({ type: z.string(), value: scalar }),
  z.strictObject({
    type: z.literal('array'),
    elementType: z.string(),
    length: count,
    /** The first few elements; of a changed array, those from the first that differs. */
    preview: z.array(scalar),
  }),
]);

const file = z.strictObject({
  ref: z.string(),
  /** Of all its shards. */
  bytes,
  /** What the file calls its quantization. */
  label: z.string(),
  architecture: z.string().nullable(),
  parameters: count,
  tensors: count,
});

const metadata = z.strictObject({
  equal: count,
  added: z.array(z.strictObject({ key: z.string(), value })),
  removed: z.array(z.strictObject({ key: z.string(), value })),
  changed: z.array(
    z.strictObject({
      key: z.string(),
      from: value,
      to: value,
      /** Where both are arrays of one element type: how many elements differ, and the index of the first. */
      elements: z.strictObject({ differing: count, first: count }).nullable(),
    }),
  ),
});

const tensor = z.strictObject({ name: z.string(), type: z.string(), shape: z.array(count) });

const tensors = z.strictObject({
  /** Tensors that both files have. */
  common: count,
  onlyInA: z.array(tensor),
  onlyInB: z.array(tensor),
  reshaped: z.array(z.strictObject({ name: z.string(), from: z.array(count), to: z.array(count) })),
  /** Types of common tensors that differ, by role. */
  typeChanges: z.array(
    z.strictObject({ role: z.string(), from: z.string(), to: z.string(), tensors: count }),
  ),
});

const error = z.strictObject({
  /** Pairs of weights that were compared. */
  weights: count,
  /** Pairs of which one is NaN or infinite; they are in no figure. */
  nonFinite: count,
  relativeRmse: orUnavailable(finite),
  maxError: finite,
  cosine: orUnavailable(finite),
  signalToNoiseDb: orUnavailable(finite),
});

const tensorError = z.strictObject({
  name: z.string(),
  role: z.string(),
  layer: count.nullable(),
  typeInA: z.string(),
  typeInB: z.string(),
  /** Whether the bytes are the same on both sides. */
  identical: z.boolean(),
  ...error.shape,
});

const weights = z.strictObject({
  total: error,
  /** Compared tensors whose bytes are the same on both sides. */
  identical: count,
  /** Largest relative error first. */
  byRole: z.array(z.strictObject({ role: z.string(), tensors: count, ...error.shape })),
  /** All that were compared, largest relative error first. */
  tensors: z.array(tensorError),
  /** In both files, but not comparable. */
  notCompared: z.array(
    z.strictObject({ name: z.string(), typeInA: z.string(), typeInB: z.string(), reason: z.string() }),
  ),
});

const importance = z.strictObject({
  onlyInA: z.array(z.string()),
  onlyInB: z.array(z.string()),
  reshaped: z.array(z.string()),
  /** By column; the farthest first. Null where a figure has no meaning: all is zero. */
  matrices: z.array(
    z.strictObject({ name: z.string(), relativeRmse: finite.nullable(), cosine: finite.nullable() }),
  ),
});

/**
 * What `diff --json` prints. File a is the reference: errors are those of b against it. Relative errors are fractions,
 * not percentages.
 */
export const diffSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.diff),
  tool: z.strictObject({ version: z.string() }),
  a: file,
  b: file,
  metadata,
  tensors,
  /** What makes one text other tokens in b than in a; `name`: llama.cpp goes by whether a name has phi-3 in it. */
  tokenization: z.array(
    z.enum(['tokens', 'scores', 'tokenTypes', 'merges', 'tokenizerModel', 'preTokenizer', 'name']),
  ),
  /** Of two importance matrices: how far mean squared inputs of b are from those of a. */
  importance: importance.optional(),
  /** Unavailable with `--metadata-only`, and of importance matrices. */
  weights: orUnavailable(weights),
  /** What `--fail-above` asked for and whether it holds; null where nothing was asked. */
  gate: z.strictObject({ maxRelativeRmse: finite, holds: z.boolean(), reason: z.string() }).nullable(),
});

export type Diff = Document<typeof diffSchema>;
export type DiffedFile = Diff['a'];
export type DiffedValue = Document<typeof value>;
export type DiffedWeights = Document<typeof weights>;
export type TensorError = Document<typeof tensorError>;
