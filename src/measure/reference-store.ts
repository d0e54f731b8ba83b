import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { FullScores, KeptScores } from '../engine/engine.ts';
import { QuantscopeError } from '../util/errors.ts';

/**
 * The reference's scores on disk, a record a chunk, so that neither its size nor the number of chunks is held in
 * memory: written while the reference runs, read chunk by chunk beside each candidate.
 *
 *     "QSREF\n\x01\n"                                8 bytes
 *     record 0: the fingerprint (UTF-8 JSON)
 *     record 1..n: a chunk's scores
 *
 *     record:  u32 length of the description | description (UTF-8 JSON) | the arrays it lists, one after another
 *
 * Numbers are in the machine's order (little-endian wherever llama.cpp runs).
 */
const MAGIC = Buffer.from('QSREF\n\x01\n', 'latin1');
const LENGTH_BYTES = 4;
/** A description is a few hundred bytes; anything near this is not one of ours. */
const MAX_DESCRIPTION_BYTES = 65_536;

export type ReferenceScores = FullScores | KeptScores;

/** What the scores depend on: a store is used only by a run that would produce the same. */
export interface ReferenceFingerprint {
  readonly modelSha256: string;
  readonly textSha256: string;
  readonly contextSize: number;
  readonly chunks: number;
  readonly kind: ReferenceScores['kind'];
}

const ARRAY_TYPES = { Float32Array, Float64Array, Uint32Array } as const;
type ArrayTypeName = keyof typeof ARRAY_TYPES;

interface Description {
  readonly kind: ReferenceScores['kind'];
  readonly positions: number;
  readonly vocabularySize?: number;
  readonly arrays: readonly {
    readonly name: string;
    readonly type: ArrayTypeName;
    readonly length: number;
  }[];
}

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

  static async create(path: string, fingerprint: ReferenceFingerprint): Promise<ReferenceWriter> {
    const partialPath = `${path}.partial`;
    const writer = new ReferenceWriter(await open(partialPath, 'w'), partialPath, path);
    await writer.#file.write(MAGIC);
    await writer.#record(Buffer.from(JSON.stringify(fingerprint)), []);
    return writer;
  }

  async append(scores: ReferenceScores): Promise<void> {
    const { arrays, description } = describe(scores);
    await this.#record(
      Buffer.from(JSON.stringify(description)),
      arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)),
    );
  }

  /** Puts the complete store in place; without it nothing is left behind. */
  async finish(): Promise<void> {
    await this.#file.close();
    await rename(this.#partialPath, this.#path);
    this.#finished = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#finished) return;
    await this.#file.close().catch(() => {});
    await rm(this.#partialPath, { force: true });
  }

  async #record(description: Uint8Array, arrays: readonly Uint8Array[]): Promise<void> {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(description.byteLength);
    await this.#file.writev([length, description, ...arrays]);
  }
}

/** Yields the chunks in order. */
export class ReferenceReader implements AsyncDisposable {
  readonly fingerprint: ReferenceFingerprint;
  readonly #file: FileHandle;
  readonly #path: string;
  #position: number;

  private constructor(file: FileHandle, path: string, fingerprint: ReferenceFingerprint, position: number) {
    this.#file = file;
    this.#path = path;
    this.fingerprint = fingerprint;
    this.#position = position;
  }

  /** @throws QuantscopeError `reference/invalid` when the file is not a reference store */
  static async open(path: string): Promise<ReferenceReader> {
    const file = await open(path, 'r');
    try {
      const magic = Buffer.from(await readExactly(file, path, 0, MAGIC.length));
      if (!magic.equals(MAGIC)) throw invalid(path, 'it does not begin as one');
      const { value, end } = await readDescription(file, path, MAGIC.length);
      // Written by ReferenceWriter: the magic stands for the shape.
      return new ReferenceReader(file, path, value as ReferenceFingerprint, end);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** The next chunk's scores. @throws QuantscopeError `reference/invalid` past the last */
  async next(): Promise<ReferenceScores> {
    const { value, end } = await readDescription(this.#file, this.#path, this.#position);
    const description = value as Description;
    let position = end;
    const arrays = new Map<string, Float32Array | Float64Array | Uint32Array>();
    for (const { name, type, length } of description.arrays) {
      const ArrayType = ARRAY_TYPES[type];
      const byteLength = length * ArrayType.BYTES_PER_ELEMENT;
      const bytes = await readExactly(this.#file, this.#path, position, byteLength);
      arrays.set(name, new ArrayType(bytes));
      position += byteLength;
    }
    this.#position = position;
    return restore(description, arrays, this.#path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

function describe(scores: ReferenceScores) {
  const named: [string, ArrayTypeName, Float32Array | Float64Array | Uint32Array][] = [
    ['nextLogProb', 'Float64Array', scores.nextLogProb],
    ['topToken', 'Uint32Array', scores.topToken],
  ];
  if (scores.kind === 'full') named.push(['logProbs', 'Float32Array', scores.logProbs]);
  else {
    named.push(['offsets', 'Uint32Array', scores.offsets]);
    named.push(['tokens', 'Uint32Array', scores.tokens]);
    named.push(['logProbs', 'Float64Array', scores.logProbs]);
  }
  const description: Description = {
    kind: scores.kind,
    positions: scores.positions,
    ...(scores.kind === 'full' ? { vocabularySize: scores.vocabularySize } : {}),
    arrays: named.map(([name, type, array]) => ({ name, type, length: array.length })),
  };
  return { description, arrays: named.map(([, , array]) => array) };
}

function restore(
  { kind, positions, vocabularySize }: Description,
  arrays: ReadonlyMap<string, Float32Array | Float64Array | Uint32Array>,
  path: string,
): ReferenceScores {
  const nextLogProb = arrays.get('nextLogProb');
  const topToken = arrays.get('topToken');
  const logProbs = arrays.get('logProbs');
  const offsets = arrays.get('offsets');
  const tokens = arrays.get('tokens');
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

async function readDescription(file: FileHandle, path: string, position: number) {
  const length = Buffer.from(await readExactly(file, path, position, LENGTH_BYTES)).readUInt32LE();
  if (length > MAX_DESCRIPTION_BYTES)
    throw invalid(path, `a description of ${length} bytes at byte ${position}`);
  const text = Buffer.from(await readExactly(file, path, position + LENGTH_BYTES, length));
  return { value: JSON.parse(text.toString('utf8')) as unknown, end: position + LENGTH_BYTES + length };
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
    hint: 'Remove it and run again: the reference is then scored anew.',
  });
}
