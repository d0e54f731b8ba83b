import type { EngineSession, StartEngine, StartOptions } from './engine.ts';
import { EngineError } from './errors.ts';
import { startEngineChild } from './process.ts';

const NO_BACKEND = 'no GPU backend of llama.cpp finds its driver here';

/**
 * Starts the engine in a process of its own. With `auto` a process that tried a GPU and could not use it is let go,
 * and the CPU gets a fresh one: a loaded GPU backend costs some 70 MB that would stand in the CPU's peak memory.
 * @throws EngineError, or the signal's reason when it is aborted; UsageError when QUANTSCOPE_ENGINE is no build
 */
export async function startEngineProcess(options: StartOptions): Promise<EngineSession> {
  if (options.gpu !== 'auto') return startEngineChild(options);
  try {
    const session = await startEngineChild(options);
    return session.info.backend === 'cpu' ? onCpuBecause(NO_BACKEND, session) : session;
  } catch (thrown) {
    options.signal?.throwIfAborted();
    if (!(thrown instanceof EngineError) || thrown.code === 'engine/timeout') throw thrown;
    // If it was not the GPU, the CPU fails as well, and says so.
    return startOnCpu(options, thrown.message);
  }
}

/** Starts the sessions of one run: once `auto` has ended on the CPU, no later session looks for a GPU again. */
export function engineStarter(): StartEngine {
  let fallback: string | undefined;
  return async (options) => {
    if (options.gpu === 'auto' && fallback !== undefined) return startOnCpu(options, fallback);
    const session = await startEngineProcess(options);
    fallback = session.info.gpuFallback;
    return session;
  };
}

async function startOnCpu(options: StartOptions, because: string): Promise<EngineSession> {
  return onCpuBecause(because, await startEngineChild({ ...options, gpu: 'off' }));
}

function onCpuBecause(gpuFallback: string, session: EngineSession): EngineSession {
  return { ...session, info: { ...session.info, gpuFallback } };
}
