import { existsSync } from 'node:fs';
import { usableCores } from '../machine/cores.ts';
import { type Binary, findBinary } from './binaries.ts';
import type { BuildChoice } from './build-choice.ts';
import type { EngineInfo, EngineSession, GpuChoice } from './engine.ts';
import { LlamaSession } from './llama.ts';
import { type LlamaCpp, loadLlamaCpp } from './llama-cpp/library.ts';
import { isGpu } from './llama-cpp/memory-breakdown.ts';
import { noDevice } from './missing-binary.ts';
import { ProblemLog } from './problem-log.ts';

/**
 * Starts llama.cpp in this process. Meant for the child alone: a native crash takes the process with it.
 * @throws EngineError `engine/not-installed`, `engine/gpu-unavailable`, `engine/abi`
 */
export async function startLlama(
  gpu: Exclude<GpuChoice, 'auto'>,
  build: BuildChoice,
): Promise<EngineSession> {
  const binary = await findBinary(gpu, build);
  const log = new ProblemLog();
  const llamaCpp = loadLlamaCpp({
    folder: binary.folder,
    cpuOnly: gpu === 'off',
    onLog: (level, text) => log.add(level, text),
  });
  const devices = gpu === 'off' ? [] : gpuDevices(llamaCpp, binary);

  if (gpu !== 'off' && devices.length === 0) throw noDevice(gpu);
  return new LlamaSession(llamaCpp, describe(llamaCpp, binary, gpu, devices), log);
}

function describe(
  llamaCpp: LlamaCpp,
  { version, llamaCpp: release, build }: Binary,
  gpu: Exclude<GpuChoice, 'auto'>,
  devices: readonly GpuDevice[],
): EngineInfo {
  return {
    name: 'node-llama-cpp',
    version,
    llamaCpp: release,
    build,
    backend: gpu === 'off' ? 'cpu' : gpu,
    devices: devices.map(({ name }) => name),
    gpuFreeBytes: devices.length === 0 ? null : devices.reduce((sum, { freeBytes }) => sum + freeBytes, 0),
    systemInfo: (llamaCpp.api.llama_print_system_info() ?? '').trim().replace(/\s*\|$/, ''),
    mathCores: usableCores(llamaCpp.mathCores()).count,
  };
}

interface GpuDevice {
  readonly name: string;
  readonly freeBytes: number;
}

/** The GPUs that can compute. A driver without a device gives none. */
function gpuDevices({ api }: LlamaCpp, { fallbackFolder }: Binary): GpuDevice[] {
  const find = () => {
    const devices: GpuDevice[] = [];
    for (let index = 0; index < api.ggml_backend_dev_count(); index++) {
      const device = api.ggml_backend_dev_get(index);
      if (isGpu(api.ggml_backend_dev_type(device))) {
        const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
        api.ggml_backend_dev_memory(device, free, total);
        devices.push({
          name: api.ggml_backend_dev_description(device) ?? 'unnamed',
          freeBytes: Number(free[0]),
        });
      }
    }
    return devices;
  };
  const found = find();
  if (found.length > 0 || !existsSync(fallbackFolder)) return found;
  api.ggml_backend_load_all_from_path(fallbackFolder);
  return find();
}
