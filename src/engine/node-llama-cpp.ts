import { getLlama, getModuleVersion, type Llama } from 'node-llama-cpp';
import type { Backend, EngineInfo, GpuChoice } from './engine.ts';

/**
 * Compiles llama.cpp with this machine's own CPU features from the source that node-llama-cpp ships, and starts it
 * once. Meant for a child alone: what git, cmake and the compiler say goes to its output.
 */
export async function compileLlama(gpu: GpuChoice): Promise<EngineInfo> {
  const llama = await getLlama({
    gpu: gpu === 'off' ? false : gpu,
    build: 'forceRebuild',
    maxThreads: 0,
    logger: () => {},
    progressLogs: true,
  });
  try {
    return await describe(llama, backendOf(llama));
  } finally {
    await llama.dispose();
  }
}

function backendOf({ gpu }: Llama): Backend {
  return gpu === false ? 'cpu' : gpu;
}

async function describe(llama: Llama, backend: Backend): Promise<EngineInfo> {
  return {
    name: 'node-llama-cpp',
    version: await getModuleVersion(),
    llamaCpp: llama.llamaCppRelease.release,
    build: llama.buildType,
    backend,
    devices: backend === 'cpu' ? [] : await llama.getGpuDeviceNames(),
    gpuFreeBytes: backend === 'cpu' ? null : (await llama.getVramState()).free,
    systemInfo: llama.systemInfo.trim().replace(/\s*\|$/, ''),
    mathCores: llama.cpuMathCores,
  };
}
