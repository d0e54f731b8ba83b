// llama.rn's face over its Node sibling, for the kit's source to run in a test. Nothing is computed here.
import { pbkdf2 } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const library = createRequire(import.meta.url)('@fugood/llama.node');

/**
 * @fugood/llama.node 1.7.15 queues a completion and says afterwards what shall happen at its end; a tiny model is
 * done before, and then every later completion is refused. The pool's only thread is kept busy until it has said so.
 */
function holdThread() {
  pbkdf2('', '', 20_000, 32, 'sha256', () => {});
}

export const BuildInfo = library.BuildInfo;

/** The sibling 1.7.15 ends the whole process where a file cannot be loaded; llama.rn rejects in these words. */
function refuseToCrash(model) {
  if (!existsSync(model)) throw new Error('Failed to load model');
}

export async function initLlama({ model, n_gpu_layers: _, devices: __, ...params }, onProgress) {
  refuseToCrash(model);
  const context = await library.loadModel({ ...params, model, n_gpu_layers: 0 }, onProgress);
  return {
    gpu: false,
    reasonNoGPU: 'not in Node',
    devices: context.getUsedDevices(),
    systemInfo: context.getSystemInfo(),
    model: context.getModelInfo(),
    getFormattedChat: async (messages, template, options) =>
      context.getFormattedChat(messages, template ?? undefined, options),
    tokenize: async (text) => ({ tokens: Array.from((await context.tokenize(text)).tokens) }),
    detokenize: (tokens) => context.detokenize(tokens),
    completion: (params, onToken) => {
      holdThread();
      return context.completion(params, onToken);
    },
    bench: (...args) => context.bench(...args),
    clearCache: async (data) => context.clearCache(data),
    release: () => context.release(),
  };
}
