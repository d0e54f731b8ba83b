import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import type { FullScores, KeptScores } from '../engine/engine.ts';
import { type VariantResult, variantSchema } from '../schema/results.ts';
import { messageOf, QuantscopeError, UsageError } from '../util/errors.ts';

/**
 * The reference's scores on disk, a record a chunk, so that neither its size nor the number of chunks is held in
 * memory: written while the reference runs, read chunk by chunk beside each candidate. Kept as a file of its own
 * (`eval --save-reference`) it stands for the reference where its model is not: it holds the text's tokens and the
 * reference's row as well.
 *
 *     "QSREF\n\x02\n"                                8 bytes
 *     record 0: what the scores depend on | the chunks' tokens
 *     record 1..n: a chunk's scores
 *     record n+1: the reference's row; only in a file that is kept
 *
 *     record:  u32 length of the description | description (UTF-8 JSON) | the arrays it lists, one after another
 *
 * Numbers are in the machine's order (little-endian wherever llama.cpp runs).
 */
const MAGIC = Buffer.from('QSREF\n\x02\n', 'latin1');
const LENGTH_BYTES = 4;
/** A row with the outcomes of 50,000 tasks is less; anything beyond is not one of ours. */
const MAX_DESCRIPTION_BYTES = 1024 * 1024;

export type ReferenceScores = FullScores | KeptScores;

/** Gives a reference's scores chunk by chunk, in order. */
export interface ScoresSource extends AsyncDisposable {
  /** Of every chunk. */
  readonly kind: ReferenceScores['kind'];
  next(): Promise<ReferenceScores>;
}

const ARRAY_TYPES = { Float32Array, Float64Array, Uint32Array } as const;
type ArrayTypeName = keyof typeof ARRAY_TYPES;
type StoredArray = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

const arrays = z.array(
  z.strictObject({
    name: z.string(),
    type: z.enum(['Float32Array', 'Float64Array', 'Uint32Array']),
    length: z.int().nonnegative(),
  }),
);

const nullableText = z.string().nullable();
const headSchema = z.strictObject({
  arrays,
  createdAt: z.iso.datetime(),
  textSha256: z.string(),
  tasksSha256: z.string(),
  contextSize: z.int().min(3),
  chunks: z.int().positive(),
  kind: z.enum(['full', 'kept']),
  tokenizer: z.strictObject({
    vocabularySize: z.int().nonnegative(),
    tokenizerModel: nullableText,
    preTokenizer: nullableText,
    addBosToken: z.boolean().nullable(),
    bosTokenId: z.int().nullable(),
    tokens: nullableText,
    scores: nullableText,
    tokenTypes: nullableText,
    merges: nullableText,
  }),
});

const scoresSchema = z.strictObject({
  arrays,
  kind: z.enum(['full', 'kept']),
  positions: z.int().nonnegative(),
  vocabularySize: z.int().positive().optional(),
});

const rowSchema = z.strictObject({ arrays, row: variantSchema });

/** What the scores depend on. */
export type ReferenceHead = Omit<z.infer<typeof headSchema>, 'arrays'>;

export class ReferenceWriter implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #partialPath: string;
  readonly #path: string;
  #finished = false;

  private constructor(file: FileHandle, partialPath: string, path: string) {
    this.#file = file;
    this.#partialPath = partialPath;
    this.#path = path;
  }

  /** @param tokens of the chunks, `head.contextSize` each */
  static async create(
    path: string,
    head: ReferenceHead,
    tokens: readonly Uint32Array[],
  ): Promise<ReferenceWriter> {
    const partialPath = `${path}.partial`;
    const writer = new ReferenceWriter(await openToWrite(partialPath), partialPath, path);
    const all = new Uint32Array(tokens.length * head.contextSize);
    for (const [index, chunk] of tokens.entries()) all.set(chunk, index * head.contextSize);
    await writer.#file.write(MAGIC);
    await writer.#record(head, [['tokens', 'Uint32Array', all]]);
    return writer;
  }

  async append(scores: ReferenceScores): Promise<void> {
    const { positions, kind } = scores;
    const size = kind === 'full' ? { vocabularySize: scores.vocabularySize } : {};
    await this.#record({ kind, positions, ...size }, arraysOf(scores));
  }

  /**
   * Puts the complete store in place; without it nothing is left behind.
   * @param row the reference's, for a store that outlives the run
   */
  async finish(row: VariantResult | null): Promise<void> {
    if (row !== null) await this.#record({ row }, []);
    await this.#file.close();
    await rename(this.#partialPath, this.#path);
    this.#finished = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#finished) return;
    await this.#file.close().catch(() => {});
    await rm(this.#partialPath, { force: true });
  }

  async #record(description: object, named: readonly NamedArray[]): Promise<void> {
    const listed = named.map(([name, type, { length }]) => ({ name, type, length }));
    const text = Buffer.from(JSON.stringify({ ...description, arrays: listed }));
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(text.byteLength);
    const bytes = named.map(
      ([, , array]) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
    );
    await this.#file.writev([length, text, ...bytes]);
  }
}

/** Yields the chunks in order. */
export class ReferenceReader implements ScoresSource {
  readonly head: ReferenceHead;
  /** The text's chunks, `head.contextSize` tokens each. */
  readonly tokens: readonly Uint32Array[];
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #firstScores: number;
  #position: number;

  private constructor(
    file: FileHandle,
    path: string,
    head: ReferenceHead,
    tokens: readonly Uint32Array[],
    position: number,
  ) {
    this.#file = file;
    this.#path = path;
    this.head = head;
    this.tokens = tokens;
    this.#firstScores = position;
    this.#position = position;
  }

  /** @throws QuantscopeError `reference/invalid` when the file is not a reference store */
  static async open(path: string): Promise<ReferenceReader> {
    const file = await open(path, 'r');
    try {
      const magic = Buffer.from(await readExactly(file, path, 0, MAGIC.length));
      if (!magic.equals(MAGIC)) throw invalid(path, 'it does not begin as one of this version');
      const { description, start } = await readDescription(file, path, MAGIC.length, headSchema);
      const { arrays: listed, ...head } = description;
      const { found, end } = await readArrays(file, path, start, listed);
      const tokens = found.get('tokens');
      if (!(tokens instanceof Uint32Array) || tokens.length !== head.chunks * head.contextSize) {
        throw invalid(path, 'it does not hold the tokens of its text');
      }
      const chunks = Array.from({ length: head.chunks }, (_, index) =>
        tokens.subarray(index * head.contextSize, (index + 1) * head.contextSize),
      );
      return new ReferenceReader(file, path, head, chunks, end);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  get kind(): ReferenceScores['kind'] {
    return this.head.kind;
  }

  /** The next chunk's scores. @throws QuantscopeError `reference/invalid` past the last */
  async next(): Promise<ReferenceScores> {
    const { description, start } = await readDescription(
      this.#file,
      this.#path,
      this.#position,
      scoresSchema,
    );
    const { found, end } = await readArrays(this.#file, this.#path, start, description.arrays);
    this.#position = end;
    return restore(description, found, this.#path);
  }

  /** The reference's row, without its scores being read. @throws QuantscopeError `reference/invalid` where there is none */
  async row(): Promise<VariantResult> {
    let position = this.#firstScores;
    for (let chunk = 0; chunk < this.head.chunks; chunk++) {
      const { description, start } = await readDescription(this.#file, this.#path, position, scoresSchema);
      position = start + byteLengthOf(description.arrays);
    }
    return (await readDescription(this.#file, this.#path, position, rowSchema)).description.row;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

type NamedArray = readonly [
  name: string,
  type: ArrayTypeName,
  array: Float32Array | Float64Array | Uint32Array,
];

function arraysOf(scores: ReferenceScores): NamedArray[] {
  const named: NamedArray[] = [
    ['nextLogProb', 'Float64Array', scores.nextLogProb],
    ['topToken', 'Uint32Array', scores.topToken],
  ];
  if (scores.kind === 'full') return [...named, ['logProbs', 'Float32Array', scores.logProbs]];
  return [
    ...named,
    ['offsets', 'Uint32Array', scores.offsets],
    ['tokens', 'Uint32Array', scores.tokens],
    ['logProbs', 'Float64Array', scores.logProbs],
  ];
}

function restore(
  { kind, positions, vocabularySize }: z.infer<typeof scoresSchema>,
  found: ReadonlyMap<string, StoredArray>,
  path: string,
): ReferenceScores {
  const nextLogProb = found.get('nextLogProb');
  const topToken = found.get('topToken');
  const logProbs = found.get('logProbs');
  const offsets = found.get('offsets');
  const tokens = found.get('tokens');
  if (nextLogProb instanceof Float64Array && topToken instanceof Uint32Array) {
    if (kind === 'full' && logProbs instanceof Float32Array && vocabularySize !== undefined) {
      return { kind, positions, vocabularySize, nextLogProb, topToken, logProbs };
    }
    if (
      kind === 'kept' &&
      logProbs instanceof Float64Array &&
      offsets instanceof Uint32Array &&
      tokens instanceof Uint32Array
    ) {
      return { kind, positions, nextLogProb, topToken, offsets, tokens, logProbs };
    }
  }
  throw invalid(path, 'a chunk lacks one of its arrays');
}

async function readDescription<Schema extends z.ZodType>(
  file: FileHandle,
  path: string,
  position: number,
  schema: Schema,
): Promise<{ readonly description: z.infer<Schema>; readonly start: number }> {
  const length = Buffer.from(await readExactly(file, path, position, LENGTH_BYTES)).readUInt32LE();
  if (length > MAX_DESCRIPTION_BYTES)
    throw invalid(path, `a description of ${length} bytes at byte ${position}`);
  const text = Buffer.from(await readExactly(file, path, position + LENGTH_BYTES, length)).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, `the description at byte ${position} is not JSON: ${messageOf(cause)}`);
  }
  const checked = schema.safeParse(json);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw invalid(path, `the description at byte ${position}: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  return { description: checked.data, start: position + LENGTH_BYTES + length };
}

async function readArrays(
  file: FileHandle,
  path: string,
  start: number,
  listed: z.infer<typeof arrays>,
): Promise<{ readonly found: ReadonlyMap<string, StoredArray>; readonly end: number }> {
  const found = new Map<string, StoredArray>();
  let position = start;
  for (const { name, type, length } of listed) {
    const ArrayType = ARRAY_TYPES[type];
    const byteLength = length * ArrayType.BYTES_PER_ELEMENT;
    found.set(name, new ArrayType(await readExactly(file, path, position, byteLength)));
    position += byteLength;
  }
  return { found, end: position };
}

function byteLengthOf(listed: z.infer<typeof arrays>): number {
  return listed.reduce((sum, { type, length }) => sum + length * ARRAY_TYPES[type].BYTES_PER_ELEMENT, 0);
}

async function openToWrite(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w');
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: 'Free some space, or name another place for the reference.',
    });
  }
}

/** In memory of its own, so that typed arrays over it are aligned. */
async function readExactly(
  file: FileHandle,
  path: string,
  position: number,
  byteLength: number,
): Promise<ArrayBuffer> {
  const { size } = await file.stat();
  if (position + byteLength > size)
    throw invalid(path, `it ends at byte ${size}, need ${position + byteLength}`);
  const memory = new ArrayBuffer(byteLength);
  const bytes = new Uint8Array(memory);
  let filled = 0;
  while (filled < byteLength) {
    const { bytesRead } = await file.read(bytes, filled, byteLength - filled, position + filled);
    if (bytesRead === 0) throw invalid(path, `it ends at byte ${position + filled}`);
    filled += bytesRead;
  }
  return memory;
}

function invalid(path: string, why: string): QuantscopeError {
  return new QuantscopeError('reference/invalid', `${path} is not a complete reference store: ${why}`, {
    hint: 'Score the reference anew: quantscope eval REFERENCE.gguf --save-reference FILE.',
  });
}
