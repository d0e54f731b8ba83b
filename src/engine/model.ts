import type { LoadedModel, LoadProgress, ModelOptions, Streaming } from './engine.ts';
import { EngineError } from './errors.ts';
import { callAsync } from './llama-cpp/call-async.ts';
import { ENUMS } from './llama-cpp/declarations.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Pointer, Struct } from './llama-cpp/types.ts';
import { refuseEndlessTensors } from './tensor-limit.ts';

/** llama.cpp takes any number at or above the layer count plus one as "all, and the output layer". */
const ALL_LAYERS = 0x7fff_ffff;

const { LLAMA_LOAD_MODE_MMAP, LLAMA_LOAD_MODE_NONE } = ENUMS.llama_load_mode;

/** llama.cpp's parameters of a load that reads the weights at once, before anything is timed, and maps no file. */
export function modelParams(
  { api }: LlamaCpp,
  { gpuLayers, vocabularyOnly = false }: ModelOptions,
  onGpu: boolean,
): Struct<'llama_model_params'> {
  const asked = gpuLayers === 'max' ? ALL_LAYERS : gpuLayers;
  return {
    ...api.llama_model_default_params(),
    n_gpu_layers: onGpu ? asked : 0,
    vocab_only: vocabularyOnly,
    load_mode: LLAMA_LOAD_MODE_NONE,
    lazy_mode: ENUMS.llama_lazy_mode.LLAMA_LAZY_MODE_OFF,
  };
}

/** Weights and vocabulary in memory. */
export class Model {
  readonly pointer: Pointer;
  readonly vocabulary: Pointer;
  readonly facts: Omit<LoadedModel, 'warnings'>;
  readonly #llamaCpp: LlamaCpp;

  private constructor(llamaCpp: LlamaCpp, pointer: Pointer, vocabulary: Pointer, facts: Model['facts']) {
    this.#llamaCpp = llamaCpp;
    this.pointer = pointer;
    this.vocabulary = vocabulary;
    this.facts = facts;
  }

  /**
   * @param onGpu whether a GPU computes here
   * @returns null where llama.cpp refuses: its log says why
   * @throws EngineError when the signal stopped it, which llama.cpp asks after each tensor, or when there are too many
   */
  static async load(
    llamaCpp: LlamaCpp,
    options: ModelOptions,
    onGpu: boolean,
    streaming?: Streaming<LoadProgress>,
  ): Promise<Model | null> {
    const { api } = llamaCpp;
    const { writable = false } = options;
    await refuseEndlessTensors(options.path);
    const progress =
      streaming === undefined
        ? null
        : llamaCpp.callback('llama_progress_callback', (fraction: number) => {
            streaming.onStep({ fraction });
            return streaming.signal?.aborted !== true;
          });
    const params = {
      ...modelParams(llamaCpp, options, onGpu),
      load_mode: !writable && api.llama_supports_mmap() ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE,
      // Other layouts of weights cannot be written by rows.
      ...(writable ? { use_extra_bufts: false } : {}),
      progress_callback: progress,
    };
    const started = performance.now();
    const pointer = await callAsync(api.llama_model_load_from_file, options.path, params);
    const loadMs = performance.now() - started;
    if (progress !== null) llamaCpp.release(progress);
    if (pointer === null && streaming?.signal?.aborted) {
      throw new EngineError('engine/load-failed', 'the load was stopped');
    }
    if (pointer === null) return null;
    const vocabulary = api.llama_model_get_vocab(pointer);
    if (vocabulary === null) return null;
    const bos = api.llama_vocab_bos(vocabulary);
    // The output layer counts as one (llama-model.cpp, load_tensors).
    const total = api.llama_model_n_layer(pointer) + api.llama_model_n_layer_nextn(pointer) + 1;
    return new Model(llamaCpp, pointer, vocabulary, {
      loadMs,
      vocabularySize: api.llama_vocab_n_tokens(vocabulary),
      bosToken: bos >= 0 ? bos : null,
      addsBos: api.llama_vocab_get_add_bos(vocabulary),
      trainContextSize: api.llama_model_n_ctx_train(pointer),
      layers: onGpu ? { onGpu: Math.min(params.n_gpu_layers, total), total } : null,
    });
  }

  tokenize(text: string, parseSpecial: boolean): Uint32Array {
    const { api } = this.#llamaCpp;
    const bytes = Buffer.from(text, 'utf8');
    // A token is at least a byte, but for those that a vocabulary adds of itself.
    let tokens = new Int32Array(bytes.length + 16);
    const read = () =>
      api.llama_tokenize(this.vocabulary, bytes, bytes.length, tokens, tokens.length, false, parseSpecial);
    let count = read();
    if (count < 0) {
      tokens = new Int32Array(-count);
      count = read();
    }
    return Uint32Array.from(tokens.subarray(0, Math.max(0, count)));
  }

  /** @param special writes special tokens by their names */
  detokenize(tokens: Uint32Array, special: boolean): string {
    const { api } = this.#llamaCpp;
    const ids = Int32Array.from(tokens);
    let bytes = Buffer.alloc(ids.length * 16 + 16);
    const write = () =>
      api.llama_detokenize(this.vocabulary, ids, ids.length, bytes, bytes.length, false, special);
    let length = write();
    if (length < 0) {
      bytes = Buffer.alloc(-length);
      length = write();
    }
    return bytes.toString('utf8', 0, Math.max(0, length));
  }

  /** As the vocabulary spells it; empty for none. */
  textOf(token: number): string {
    return token < 0 ? '' : (this.#llamaCpp.api.llama_vocab_get_text(this.vocabulary, token) ?? '');
  }

  get eosToken(): number {
    return this.#llamaCpp.api.llama_vocab_eos(this.vocabulary);
  }

  /** Whether some of its layers keep a state instead of a cache: it cannot be cut back, nor shared. */
  get isRecurrent(): boolean {
    const { api } = this.#llamaCpp;
    return api.llama_model_is_recurrent(this.pointer) || api.llama_model_is_hybrid(this.pointer);
  }

  endsGeneration(token: number): boolean {
    return token < 0 || this.#llamaCpp.api.llama_vocab_is_eog(this.vocabulary, token);
  }

  free(): void {
    this.#llamaCpp.api.llama_model_free(this.pointer);
  }
}
