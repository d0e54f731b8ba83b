import type { Streaming } from './engine.ts';
import { EngineError } from './errors.ts';
import { callAsync } from './llama-cpp/call-async.ts';
import { ENUMS } from './llama-cpp/declarations.ts';
import { lastingMemory } from './llama-cpp/lasting-memory.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Struct } from './llama-cpp/types.ts';
import type { ProblemLog } from './problem-log.ts';
import type { QuantizeOutcome, QuantizeRequest, QuantizeStep } from './quantize-request.ts';
import { refuseEndlessTensors } from './tensor-limit.ts';

/** `%-36s - [%s], type = %6s, ` of llama_model_quantize_impl (llama-quant.cpp). */
const TENSOR = /^\[ *(\d+)\/ *(\d+)\] (.+?) +- \[[^\]]*\], type = +(\S+), (.*)$/;
/** What a dry run and a real one say of the type that a tensor gets; nothing where it keeps its own. */
const NEW_TYPE = /-> .* MiB \((\S+)\)$|converting to (\S+) \.\./;
/** tensor_type_fallback (llama-quant.cpp). */
const FALLBACK =
  /^warning: (.+?) +- ncols +(\d+) not divisible by +(\d+) \(required for type +(\S+)\).*-> falling back to +(\S+)$/;
const NEEDS_IMATRIX = /will require an imatrix/;

/**
 * Writes a model in other types, or tells of what it would write, by llama.cpp's own `llama_model_quantize`. Which
 * type each tensor gets is read from its log, the one place where llama.cpp tells it.
 * @throws EngineError `engine/quantize-failed` with what llama.cpp says, `engine/load-failed` of too many tensors
 */
export async function quantizeFile(
  llamaCpp: LlamaCpp,
  log: ProblemLog,
  request: QuantizeRequest,
  streaming?: Streaming<QuantizeStep>,
): Promise<QuantizeOutcome> {
  await refuseEndlessTensors(request.sourcePath);
  const { api } = llamaCpp;
  const reader = new LogReader(streaming?.onStep);
  // What the parameters point to must outlive the call.
  const memory = new Memory(llamaCpp);
  const params = llamaCpp.array('llama_model_quantize_params', [paramsOf(llamaCpp, memory, request)]);
  log.clear();
  log.listener = (text) => reader.add(text);
  try {
    const code = await callAsync(api.llama_model_quantize, request.sourcePath, request.outputPath, params);
    if (code !== 0) throw failure(request, log.first()?.replace(/^\w+: failed to quantize: /, ''), code);
  } finally {
    log.listener = undefined;
  }
  return reader.outcome();
}

/** What std::ofstream says of a write that failed (libstdc++, libc++). */
const NOT_WRITTEN = /iostream error|ios_base::(?:failure|clear)/;

function failure(
  { sourcePath, outputPath }: QuantizeRequest,
  said: string | undefined,
  code: number,
): EngineError {
  if (said !== undefined && NOT_WRITTEN.test(said)) {
    return new EngineError(
      'engine/quantize-failed',
      `${outputPath} could not be written to its end (${said})`,
      {
        hint: 'The disk may have become full meanwhile: free some space, or name another folder.',
      },
    );
  }
  return new EngineError(
    'engine/quantize-failed',
    `llama.cpp could not quantize ${sourcePath}: ${said ?? `code ${code}`}`,
  );
}

function paramsOf(
  { api }: LlamaCpp,
  memory: Memory,
  request: QuantizeRequest,
): Struct<'llama_model_quantize_params'> {
  const { imatrix, overrides, tensorTypes } = request;
  const params = {
    ...api.llama_model_quantize_default_params(),
    nthread: request.threads,
    ftype: request.fileType,
    allow_requantize: request.allowRequantize,
    quantize_output_tensor: request.quantizeOutput,
    only_copy: request.copyOnly,
    pure: request.pure,
    keep_split: request.keepSplit,
    dry_run: request.dryRun,
  };
  if (request.outputType !== null) params.output_tensor_type = request.outputType;
  if (request.embeddingType !== null) params.token_embedding_type = request.embeddingType;
  if (tensorTypes.length > 0) {
    params.tt_overrides = memory.array('llama_model_tensor_override', [
      ...tensorTypes.map(({ pattern, type }) => ({ pattern: memory.text(pattern), type })),
      { pattern: null, type: ENUMS.ggml_type.GGML_TYPE_COUNT },
    ]);
  }
  if (imatrix.length > 0) {
    params.imatrix = memory.array('llama_model_imatrix_data', [
      ...imatrix.map(({ name, values }) => ({
        name: memory.text(name),
        data: memory.numbers(values),
        size: values.length,
      })),
      { name: null, data: null, size: 0 },
    ]);
  }
  if (overrides.length > 0) {
    params.kv_overrides = memory.array('llama_model_kv_override', [
      ...overrides.map(overrideOf),
      { tag: 0, key: '', value: { val_i64: 0 } },
    ]);
  }
  return params;
}

function overrideOf({
  key,
  type,
  value,
}: QuantizeRequest['overrides'][number]): Struct<'llama_model_kv_override'> {
  const tags = ENUMS.llama_model_kv_override_type;
  switch (type) {
    case 'int':
      return { tag: tags.LLAMA_KV_OVERRIDE_TYPE_INT, key, value: { val_i64: value } };
    case 'float':
      return { tag: tags.LLAMA_KV_OVERRIDE_TYPE_FLOAT, key, value: { val_f64: value } };
    case 'bool':
      return { tag: tags.LLAMA_KV_OVERRIDE_TYPE_BOOL, key, value: { val_bool: value } };
    case 'str':
      return { tag: tags.LLAMA_KV_OVERRIDE_TYPE_STR, key, value: { val_str: value } };
  }
}

/** Memory that llama.cpp reads by address, kept until the call is over. */
class Memory {
  readonly #llamaCpp: LlamaCpp;
  readonly #kept: ArrayBufferView[] = [];

  constructor(llamaCpp: LlamaCpp) {
    this.#llamaCpp = llamaCpp;
  }

  text(text: string): bigint {
    return this.#address(Buffer.from(`${text}\0`, 'utf8'));
  }

  numbers(values: Float32Array): bigint {
    return this.#address(values);
  }

  array<Name extends Parameters<LlamaCpp['array']>[0]>(name: Name, values: readonly Struct<Name>[]): bigint {
    return this.#address(this.#llamaCpp.array(name, values));
  }

  #address(view: ArrayBufferView): bigint {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const lasting = lastingMemory(bytes.length);
    lasting.set(bytes);
    this.#kept.push(lasting);
    return this.#llamaCpp.address(lasting);
  }
}

/** Pieces of log lines to types by tensor. */
class LogReader {
  readonly #onStep: ((step: QuantizeStep) => void) | undefined;
  readonly #tensors: QuantizeOutcome['tensors'][number][] = [];
  readonly #fallbacks: QuantizeOutcome['fallbacks'][number][] = [];
  #needsImatrix = false;
  #line = '';

  constructor(onStep: ((step: QuantizeStep) => void) | undefined) {
    this.#onStep = onStep;
  }

  add(text: string): void {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) this.#take(line);
    // A tensor is begun with a piece of a line that its size ends.
    const begun = TENSOR.exec(this.#line);
    if (begun !== null && NEW_TYPE.test(this.#line)) this.#tell(begun);
  }

  outcome(): QuantizeOutcome {
    return { tensors: this.#tensors, fallbacks: this.#fallbacks, needsImatrix: this.#needsImatrix };
  }

  #take(line: string): void {
    const tensor = TENSOR.exec(line);
    if (tensor !== null) {
      const [, , , name = '', type = '', rest = ''] = tensor;
      const changed = NEW_TYPE.exec(rest);
      this.#tensors.push({ name, from: type, to: changed?.[1] ?? changed?.[2] ?? type });
      this.#tell(tensor, 1);
      return;
    }
    const fallback = FALLBACK.exec(line);
    if (fallback !== null) {
      const [, name = '', columns, block, wanted = '', taken = ''] = fallback;
      this.#fallbacks.push({ name, columns: Number(columns), blockElements: Number(block), wanted, taken });
    }
    if (NEEDS_IMATRIX.test(line)) this.#needsImatrix = true;
  }

  #tell([, index, total, name = '']: RegExpExecArray, ended = 0): void {
    this.#onStep?.({ done: Number(index) - 1 + ended, total: Number(total), name });
  }
}
