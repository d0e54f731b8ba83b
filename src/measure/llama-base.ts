import { type FileHandle, open } from 'node:fs/promises';
import type { FullScores } from '../engine/engine.ts';
import { QuantscopeError } from '../util/errors.ts';
import { formatCount } from '../util/units.ts';
import type { ScoresSource } from './reference-store.ts';

/**
 * The file that `llama-perplexity --kl-divergence-base` writes (llama.cpp, tools/perplexity/perplexity.cpp):
 *
 *     "_logits_"                               8 bytes
 *     int32 n_ctx | int32 n_vocab | int32 n_chunk
 *     int32 tokens[n_chunk × n_ctx]            as the text has them: BOS is put over a chunk's first when evaluating
 *     per chunk, per position n_ctx/2 .. n_ctx-2:
 *       float32 scale | float32 lowest | uint16 q[n_vocab], padded to an even count
 *
 * ln p of a token is scale × q + lowest, clipped at 16 nats below the most likely one, so that what it says of rare
 * tokens is not what the model said: a divergence against it is llama-perplexity's, a perplexity would be biased.
 */
export const LLAMA_BASE_MAGIC = Buffer.from('_logits_', 'latin1');
const HEAD_BYTES = LLAMA_BASE_MAGIC.length + 3 * 4;
/** llama-perplexity takes no token into its sum that is stored at or below this. */
const CLIPPED_LOG_PROB = -16;
/** Far beyond any of llama.cpp's; counts are multiplied below, and must not pass 2^53. */
const LARGEST_COUNT = 2 ** 24;

export class LlamaBaseReader implements ScoresSource {
  readonly kind = 'full';
  readonly contextSize: number;
  readonly vocabularySize: number;
  readonly tokens: readonly Uint32Array[];
  readonly #file: FileHandle;
  readonly #path: string;
  #chunk = 0;

  private constructor(
    file: FileHandle,
    path: string,
    vocabularySize: number,
    tokens: readonly Uint32Array[],
  ) {
    this.#file = file;
    this.#path = path;
    this.vocabularySize = vocabularySize;
    this.tokens = tokens;
    this.contextSize = tokens[0]?.length ?? 0;
  }

  /** @throws QuantscopeError `reference/invalid` */
  static async open(path: string): Promise<LlamaBaseReader> {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size < HEAD_BYTES) throw invalid(path, `it has ${formatCount(size)} bytes`);
      const head = await readExactly(file, path, 0, HEAD_BYTES);
      if (!head.subarray(0, LLAMA_BASE_MAGIC.length).equals(LLAMA_BASE_MAGIC)) {
        throw invalid(path, 'it does not begin with "_logits_"');
      }
      const [contextSize = 0, vocabularySize = 0, chunks = 0] = [8, 12, 16].map((at) => head.readInt32LE(at));
      for (const [what, count, least] of [
        ['tokens in a chunk', contextSize, 3],
        ['tokens in the vocabulary', vocabularySize, 1],
        ['chunks', chunks, 1],
      ] as const) {
        if (count < least || count > LARGEST_COUNT) throw invalid(path, `it says ${count} ${what}`);
      }
      const need = scoresAt(contextSize, chunks) + chunks * chunkBytes(contextSize, vocabularySize);
      if (size !== need) {
        throw invalid(
          path,
          `${chunks} chunks of ${contextSize} tokens over ${vocabularySize} need ${formatCount(need)} bytes, it has ${formatCount(size)}`,
        );
      }
      const bytes = await readExactly(file, path, HEAD_BYTES, chunks * contextSize * 4);
      const tokens = Array.from({ length: chunks }, (_, chunk) =>
        Uint32Array.from({ length: contextSize }, (_, i) =>
          bytes.readUInt32LE((chunk * contextSize + i) * 4),
        ),
      );
      return new LlamaBaseReader(file, path, vocabularySize, tokens);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** The next chunk's distributions. @throws QuantscopeError `reference/invalid` past the last */
  async next(): Promise<FullScores> {
    const { contextSize, vocabularySize } = this;
    const chunk = this.#chunk++;
    const tokens = this.tokens[chunk];
    if (tokens === undefined)
      throw invalid(this.#path, `it has ${this.tokens.length} chunks, one more was asked for`);
    const bytes = chunkBytes(contextSize, vocabularySize);
    const raw = await readExactly(
      this.#file,
      this.#path,
      scoresAt(contextSize, this.tokens.length) + chunk * bytes,
      bytes,
    );
    const positions = scoredPositions(contextSize);
    const firstScored = Math.floor(contextSize / 2);
    const logProbs = new Float32Array(positions * vocabularySize);
    const nextLogProb = new Float64Array(positions);
    const topToken = new Uint32Array(positions);
    for (let position = 0; position < positions; position++) {
      const start = position * positionBytes(vocabularySize);
      const scale = raw.readFloatLE(start);
      const lowest = raw.readFloatLE(start + 4);
      const row = logProbs.subarray(position * vocabularySize, (position + 1) * vocabularySize);
      const quants = new Uint16Array(raw.buffer, raw.byteOffset + start + 8, vocabularySize);
      let top = 0;
      for (let token = 0; token < vocabularySize; token++) {
        const quant = quants[token] ?? 0;
        if (quant > (quants[top] ?? 0)) top = token;
        const logProb = Math.fround(scale * quant + lowest);
        row[token] = logProb > CLIPPED_LOG_PROB ? logProb : Number.NEGATIVE_INFINITY;
      }
      const next = tokens[firstScored + position + 1] ?? 0;
      if (next >= vocabularySize)
        throw invalid(this.#path, `token ${next} is not in its vocabulary of ${vocabularySize}`);
      nextLogProb[position] = Math.fround(scale * (quants[next] ?? 0) + lowest);
      topToken[position] = top;
    }
    return { kind: 'full', positions, vocabularySize, nextLogProb, topToken, logProbs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

function scoredPositions(contextSize: number): number {
  return contextSize - 1 - Math.floor(contextSize / 2);
}

function positionBytes(vocabularySize: number): number {
  return 2 * (2 * Math.floor((vocabularySize + 1) / 2) + 4);
}

function chunkBytes(contextSize: number, vocabularySize: number): number {
  return scoredPositions(contextSize) * positionBytes(vocabularySize);
}

function scoresAt(contextSize: number, chunks: number): number {
  return HEAD_BYTES + chunks * contextSize * 4;
}

/** In memory of its own and from its first byte, so that typed arrays over it are aligned. */
async function readExactly(
  file: FileHandle,
  path: string,
  position: number,
  byteLength: number,
): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(byteLength));
  let filled = 0;
  while (filled < byteLength) {
    const { bytesRead } = await file.read(bytes, filled, byteLength - filled, position + filled);
    if (bytesRead === 0) throw invalid(path, `it ends at byte ${formatCount(position + filled)}`);
    filled += bytesRead;
  }
  return bytes;
}

function invalid(path: string, why: string): QuantscopeError {
  return new QuantscopeError(
    'reference/invalid',
    `${path} is not a whole file of llama-perplexity's: ${why}`,
    {
      hint: 'Write it anew: llama-perplexity -m REFERENCE.gguf -f TEXT --kl-divergence-base FILE.',
    },
  );
}
