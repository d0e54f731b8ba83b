import { findBinary, gpuBackends } from './binaries.ts';
import { buildChoiceOf } from './build-choice.ts';
import type { Backend, EngineSession, StartEngine, StartOptions } from './engine.ts';
import { EngineError } from './errors.ts';
import { startEngineChild } from './process.ts';

const NO_BACKEND = 'no GPU backend of llama.cpp is installed here';

/**
 * Starts the engine in a process of its own. With `auto` each GPU backend that is installed is tried in a process
 * of its own, and the CPU gets a fresh one: a loaded GPU backend costs some 70 MB that would stand in the CPU's peak
 * memory.
 * @throws EngineError, or the signal's reason when it is aborted; UsageError when QUANTSCOPE_ENGINE is no build
 */
export async function startEngineProcess(options: StartOptions): Promise<EngineSession> {
  const { gpu } = options;
  if (gpu !== 'auto') return startEngineChild({ ...options, gpu });
  let because = NO_BACKEND;
  for (const backend of await installedBackends(options)) {
    try {
      return await startEngineChild({ ...options, gpu: backend });
    } catch (thrown) {
      options.signal?.throwIfAborted();
      if (!(thrown instanceof EngineError) || thrown.code === 'engine/timeout') throw thrown;
      // If it was not the GPU, the CPU fails as well, and says so.
      because = thrown.message;
    }
  }
  return startOnCpu(options, because);
}

/** Starts the sessions of one run: once `auto` has chosen, no later session chooses again. */
export function engineStarter(): StartEngine {
  let chosen: { readonly backend: Backend; readonly fallback: string | undefined } | undefined;
  return async (options) => {
    if (options.gpu !== 'auto') return startEngineProcess(options);
    if (chosen === undefined) {
      const session = await startEngineProcess(options);
      chosen = { backend: session.info.backend, fallback: session.info.gpuFallback };
      return session;
    }
    const { backend, fallback } = chosen;
    if (backend !== 'cpu') return startEngineProcess({ ...options, gpu: backend });
    return startOnCpu(options, fallback ?? NO_BACKEND);
  };
}

async function installedBackends(options: StartOptions): Promise<Exclude<Backend, 'cpu'>[]> {
  const build = options.build ?? buildChoiceOf(process.env);
  const found = await Promise.all(
    gpuBackends().map((backend) =>
      findBinary(backend, build).then(
        () => [backend],
        () => [],
      ),
    ),
  );
  return found.flat();
}

async function startOnCpu(options: StartOptions, because: string): Promise<EngineSession> {
  const session = await startEngineChild({ ...options, gpu: 'off' });
  return { ...session, info: { ...session.info, gpuFallback: because } };
}
