import { EngineError } from '../errors.ts';
import { ENUMS, LLAMA_CPP_VERSION } from './declarations.ts';
import type { Api } from './types.ts';

/**
 * Looks whether the loaded llama.cpp is the one that the declarations were written for: its version, names of
 * enum values, and default parameters, each of which stands at the place where a shifted layout would show.
 * @throws EngineError `engine/abi` with both versions, before any struct is passed
 */
export function checkAbi({ api }: { readonly api: Api }): void {
  const version = api.llama_version() ?? 'of no version';
  const differences: string[] = [];
  const expect = (what: string, got: unknown, expected: unknown) => {
    if (!Object.is(got, expected))
      differences.push(`${what} is ${String(got)}, expected ${String(expected)}`);
  };
  // Builds of a release add to its number (`0.5.0-dev`).
  expect('its release', /^\d+\.\d+\.\d+/.exec(version)?.[0], LLAMA_CPP_VERSION);
  expect('the name of type 20', api.ggml_type_name(ENUMS.ggml_type.GGML_TYPE_IQ4_NL), 'iq4_nl');
  expect('the name of type 30', api.ggml_type_name(ENUMS.ggml_type.GGML_TYPE_BF16), 'bf16');
  expect('the name of operation 29', api.ggml_op_name(ENUMS.ggml_op.GGML_OP_MUL_MAT), 'MUL_MAT');
  if (differences.length === 0) compare(defaultsOf(api), expect);
  if (differences.length === 0) return;
  throw new EngineError(
    'engine/abi',
    `quantscope was written for llama.cpp ${LLAMA_CPP_VERSION}, this is ${version}: ${differences.slice(0, 3).join(', ')}`,
    {
      hint: 'Install the version of node-llama-cpp in quantscope’s package.json; remove builds of another with quantscope engine remove.',
    },
  );
}

type Defaults = Record<string, Readonly<Record<string, readonly [got: unknown, expected: unknown]>>>;

/** Source of the values: llama-model.cpp, llama-context.cpp, llama-quant.cpp and ggml.c, the functions of these names. */
function defaultsOf(api: Api): Defaults {
  const model = api.llama_model_default_params();
  const context = api.llama_context_default_params();
  const quantize = api.llama_model_quantize_default_params();
  const pool = api.ggml_threadpool_params_default(3);
  const f16 = ENUMS.ggml_type.GGML_TYPE_F16;
  const count = ENUMS.ggml_type.GGML_TYPE_COUNT;
  return {
    llama_model_default_params: {
      devices: [model.devices, null],
      n_gpu_layers: [model.n_gpu_layers, -1],
      split_mode: [model.split_mode, ENUMS.llama_split_mode.LLAMA_SPLIT_MODE_LAYER],
      load_mode: [model.load_mode, ENUMS.llama_load_mode.LLAMA_LOAD_MODE_AUTO],
      lazy_mode: [model.lazy_mode, ENUMS.llama_lazy_mode.LLAMA_LAZY_MODE_AUTO],
      kv_overrides: [model.kv_overrides, null],
      vocab_only: [model.vocab_only, false],
      use_extra_bufts: [model.use_extra_bufts, true],
      no_alloc: [model.no_alloc, false],
      load_mtp: [model.load_mtp, false],
    },
    llama_context_default_params: {
      n_ctx: [context.n_ctx, 512],
      n_batch: [context.n_batch, 2048],
      n_ubatch: [context.n_ubatch, 512],
      n_seq_max: [context.n_seq_max, 1],
      n_outputs_max_per_seq: [context.n_outputs_max_per_seq, 1],
      rope_scaling_type: [context.rope_scaling_type, -1],
      flash_attn_type: [context.flash_attn_type, -1],
      yarn_ext_factor: [context.yarn_ext_factor, -1],
      defrag_thold: [context.defrag_thold, -1],
      cb_eval: [context.cb_eval, null],
      type_k: [context.type_k, f16],
      type_v: [context.type_v, f16],
      abort_callback: [context.abort_callback, null],
      embeddings: [context.embeddings, false],
      offload_kqv: [context.offload_kqv, true],
      no_perf: [context.no_perf, true],
      op_offload: [context.op_offload, true],
      swa_full: [context.swa_full, true],
      kv_unified: [context.kv_unified, false],
      samplers: [context.samplers, null],
      n_samplers: [context.n_samplers, 0],
      ctx_other: [context.ctx_other, null],
    },
    llama_model_quantize_default_params: {
      ftype: [quantize.ftype, ENUMS.llama_ftype.LLAMA_FTYPE_MOSTLY_Q8_0],
      output_tensor_type: [quantize.output_tensor_type, count],
      token_embedding_type: [quantize.token_embedding_type, count],
      quantize_output_tensor: [quantize.quantize_output_tensor, true],
      dry_run: [quantize.dry_run, false],
      imatrix: [quantize.imatrix, null],
      prune_layers: [quantize.prune_layers, null],
    },
    ggml_threadpool_params_default: {
      n_threads: [pool.n_threads, 3],
      prio: [pool.prio, ENUMS.ggml_sched_priority.GGML_SCHED_PRIO_NORMAL],
      poll: [pool.poll, 50],
      strict_cpu: [pool.strict_cpu, false],
      paused: [pool.paused, false],
    },
  };
}

function compare(defaults: Defaults, expect: (what: string, got: unknown, expected: unknown) => void): void {
  for (const [name, fields] of Object.entries(defaults)) {
    for (const [field, [got, expected]] of Object.entries(fields))
      expect(`${name}().${field}`, got, expected);
  }
}
