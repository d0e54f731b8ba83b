import type { BuildChoice } from './build-choice.ts';
import type { EngineSession, GpuChoice } from './engine.ts';
import { LlamaSession } from './llama.ts';
import { listLocalBuilds } from './local-builds.ts';
import { LogReader } from './log-reader.ts';
import { startPrebuiltCpu } from './prebuilt-cpu.ts';

/**
 * Starts llama.cpp in this process. Meant for the child alone: a native crash takes the process with it.
 * @param workers threads of this process's libuv pool
 * @throws EngineError `engine/not-installed`, `engine/gpu-unavailable`, `engine/changed`
 */
export async function startLlama(
  gpu: GpuChoice,
  workers: number,
  build: BuildChoice,
): Promise<EngineSession> {
  const log = new LogReader();
  const direct = (await isPrebuiltCpu(gpu, build)) ? await startPrebuiltCpu(log) : null;
  if (direct !== null) return new LlamaSession(direct, log, workers);
  const { startNodeLlamaCpp } = await import('./node-llama-cpp.ts');
  return new LlamaSession(await startNodeLlamaCpp(gpu, build, log), log, workers);
}

async function isPrebuiltCpu(gpu: GpuChoice, build: BuildChoice): Promise<boolean> {
  if (gpu !== 'off' || build === 'local') return false;
  // An interrupted build is never taken.
  return build === 'prebuilt' || (await listLocalBuilds()).every(({ builtAt }) => builtAt === null);
}
