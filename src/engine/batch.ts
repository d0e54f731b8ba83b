import type { ContextOptions } from './engine.ts';
import { lastingMemory } from './llama-cpp/lasting-memory.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Packed } from './llama-cpp/types.ts';

/** Tokens of one sequence in a batch. */
export interface BatchPart {
  readonly sequence: number;
  /** Sequences from that one on that share the tokens; 1 where it is left out. */
  readonly width?: number;
  /** Of the first token. */
  readonly position: number;
  readonly tokens: Uint32Array;
  /** Indexes from which on tokens ask for output, all but those before. */
  readonly firstOutput: number;
}

/** Memory for one batch, used again and again: an evaluation allocates nothing. */
export class Batch {
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  readonly #sequences: BigInt64Array;
  readonly #outputs: Int8Array;
  readonly #counts: Int32Array;
  readonly #sequenceAddress: bigint;
  readonly #one: Packed;
  readonly #simple: Packed;
  readonly #full: Packed;
  /** Read by address: they must live as long as the batch. */
  readonly kept: readonly ArrayBufferView[];

  constructor(llamaCpp: LlamaCpp, { batchSize, sequences }: Pick<ContextOptions, 'batchSize' | 'sequences'>) {
    const bytes = (size: number) => lastingMemory(size).buffer;
    this.#tokens = new Int32Array(bytes(batchSize * 4));
    this.#positions = new Int32Array(bytes(batchSize * 4));
    this.#sequences = new BigInt64Array(bytes(batchSize * 8));
    this.#outputs = new Int8Array(bytes(batchSize));
    this.#counts = new Int32Array(bytes(batchSize * 4));
    const ids = new Int32Array(bytes(sequences * 4));
    for (let index = 0; index < ids.length; index++) ids[index] = index;
    this.kept = [ids];
    this.#sequenceAddress = llamaCpp.address(ids);
    // As llama_batch_get_one makes them: positions follow, the last token asks for output.
    const simple = {
      n_tokens: 0,
      token: llamaCpp.address(this.#tokens),
      embd: null,
      pos: null,
      n_seq_id: null,
      seq_id: null,
      logits: null,
    };
    this.#one = llamaCpp.pack('llama_batch', { ...simple, n_tokens: 1 });
    this.#simple = llamaCpp.pack('llama_batch', simple);
    this.#full = llamaCpp.pack('llama_batch', {
      ...simple,
      pos: llamaCpp.address(this.#positions),
      n_seq_id: llamaCpp.address(this.#counts),
      seq_id: llamaCpp.address(this.#sequences),
      logits: llamaCpp.address(this.#outputs),
    });
  }

  ofOne(token: number): Packed {
    this.#tokens[0] = token;
    return this.#one;
  }

  ofLast(tokens: Uint32Array): Packed {
    this.#tokens.set(tokens);
    return sized(this.#simple, tokens.length);
  }

  ofParts(parts: readonly BatchPart[]): Packed {
    let at = 0;
    for (const { sequence, width = 1, position, tokens, firstOutput } of parts) {
      this.#tokens.set(tokens, at);
      for (let index = 0; index < tokens.length; index++, at++) {
        this.#positions[at] = position + index;
        this.#counts[at] = width;
        this.#sequences[at] = this.#sequenceAddress + BigInt(sequence * 4);
        this.#outputs[at] = index >= firstOutput ? 1 : 0;
      }
    }
    return sized(this.#full, at);
  }
}

/** Writes `n_tokens`, which has the first eight bytes for itself. */
function sized(batch: Packed, tokens: number): Packed {
  batch.words[0] = BigInt(tokens);
  return batch;
}
