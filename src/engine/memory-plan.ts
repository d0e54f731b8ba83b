import { contextParams } from './context-params.ts';
import type { LayerCache, ModelOptions, PlannedContext, PlannedMemory } from './engine.ts';
import { EngineError } from './errors.ts';
import { callAsync } from './llama-cpp/call-async.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import { memoryBreakdown, memoryOf } from './llama-cpp/memory-breakdown.ts';
import type { Pointer } from './llama-cpp/types.ts';
import { modelParams } from './model.ts';
import type { ProblemLog } from './problem-log.ts';
import { refuseEndlessTensors } from './tensor-limit.ts';

/**
 * The graph that a context evaluates (llama-ext.h). C++, though its parameters are C's: the name is the Itanium ABI's.
 */
const GRAPH_RESERVE = '_Z19llama_graph_reserveP13llama_contextjjj';

/**
 * What llama.cpp would allocate for a model in each of the contexts, or why it refuses one: it goes through all of a
 * load but the allocations (`no_alloc`), and reads no weight.
 * @throws EngineError `engine/load-failed`; `engine/context-failed` where this build tells no sizes
 */
export async function planMemory(
  llamaCpp: LlamaCpp,
  log: ProblemLog,
  options: ModelOptions,
  onGpu: boolean,
  contexts: readonly PlannedContext[],
): Promise<PlannedMemory[]> {
  await refuseEndlessTensors(options.path);
  const { api } = llamaCpp;
  log.clear();
  const model = await callAsync(api.llama_model_load_from_file, options.path, {
    ...modelParams(llamaCpp, options, onGpu),
    no_alloc: true,
  });
  if (model === null) throw new EngineError('engine/load-failed', saying('llama.cpp refused the file', log));
  try {
    const plans: PlannedMemory[] = [];
    for (const context of contexts) plans.push(await planContext(llamaCpp, log, model, context));
    return plans;
  } finally {
    api.llama_model_free(model);
  }
}

async function planContext(
  llamaCpp: LlamaCpp,
  log: ProblemLog,
  model: Pointer,
  options: PlannedContext,
): Promise<PlannedMemory> {
  const { api } = llamaCpp;
  log.clear();
  const context = await callAsync(api.llama_init_from_model, model, contextParams(llamaCpp, options));
  if (context === null)
    return { refused: saying(`llama.cpp refuses a context of ${options.contextSize} tokens`, log) };
  try {
    const parts = memoryBreakdown(llamaCpp, context);
    if (parts === null)
      throw new EngineError('engine/context-failed', 'this llama.cpp tells no sizes of memory');
    return {
      ...memoryOf(parts),
      contextSize: api.llama_n_ctx(context),
      layers: api.llama_model_n_layer(model),
      caches: layerCaches(llamaCpp, context, options.sequences),
    };
  } finally {
    api.llama_free(context);
  }
}

/**
 * The tensors that caches consist of, which the evaluation of a token of each sequence refers to. Empty where there is
 * no telling.
 */
function layerCaches(llamaCpp: LlamaCpp, context: Pointer, sequences: number): LayerCache[] {
  const { api } = llamaCpp;
  const reserve = llamaCpp.bind(GRAPH_RESERVE, 'void *', ['void *', 'uint32_t', 'uint32_t', 'uint32_t']);
  const graph = reserve === null ? null : reserve(context, sequences, sequences, sequences);
  if (typeof graph !== 'bigint') return [];
  const caches = new Map<string, LayerCache>();
  const seen = new Set<Pointer>();
  const visit = (address: Pointer | null) => {
    if (address === null || seen.has(address)) return;
    seen.add(address);
    const tensor = llamaCpp.read('ggml_tensor', address);
    visit(pointerIn(tensor.view_src));
    // `cache_k_l0`, of a kind and a layer (llama-kv-cache.cpp, llama-memory-recurrent.cpp).
    const [, kind, layer] = /^cache_(\w+)_l(\d+)$/.exec(tensor.name) ?? [];
    if (kind === undefined) return;
    caches.set(tensor.name, {
      layer: Number(layer),
      kind,
      type: api.ggml_type_name(tensor.type) ?? '',
      cells: Number(tensor.ne[1]) * Number(tensor.ne[2]),
      sizeBytes: api.ggml_nbytes(address),
    });
  };
  for (let index = 0; index < api.ggml_graph_n_nodes(graph); index++) {
    const node = api.ggml_graph_node(graph, index);
    if (node === null) continue;
    visit(node);
    for (const source of llamaCpp.read('ggml_tensor', node).src) visit(source);
  }
  return [...caches.values()].sort((a, b) => a.layer - b.layer || (a.kind < b.kind ? -1 : 1));
}

function pointerIn(value: unknown): Pointer | null {
  return typeof value === 'bigint' ? value : null;
}

function saying(what: string, log: ProblemLog): string {
  const said = log.first();
  return said === undefined ? what : `${what}: ${said}`;
}
