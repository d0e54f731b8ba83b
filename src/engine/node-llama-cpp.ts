import { getLlama, getModuleVersion, type Llama, LlamaLogLevel, NoBinaryFoundError } from 'node-llama-cpp';
import { messageOf } from '../util/errors.ts';
import { bindingsIn, type StartedBinding } from './bindings.ts';
import type { BuildChoice } from './build-choice.ts';
import type { Backend, EngineInfo, GpuChoice } from './engine.ts';
import { EngineError } from './errors.ts';
import type { LogReader } from './log-reader.ts';

/**
 * Starts llama.cpp as node-llama-cpp does: any backend, the prebuilt binary or a local build.
 * @throws EngineError `engine/not-installed`, `engine/gpu-unavailable`, `engine/changed`
 */
export async function startNodeLlamaCpp(
  gpu: GpuChoice,
  build: BuildChoice,
  log: LogReader,
): Promise<StartedBinding> {
  const llama = await loadLlama(gpu, build, log);
  // A driver without a device is enough for node-llama-cpp to take a backend, which then computes on the CPU.
  if (llama.gpu !== false && (await llama.getGpuDeviceNames()).length === 0) {
    const { gpu: deviceless } = llama;
    await llama.dispose();
    throw gpuUnavailable(gpu === 'auto' ? deviceless : gpu);
  }
  const backend = backendOf(llama);
  if (gpu !== 'auto' && gpu !== 'off' && gpu !== backend) {
    await llama.dispose();
    throw gpuUnavailable(gpu);
  }
  return {
    bindings: bindingsIn(Reflect.get(llama, '_bindings')),
    info: await describe(llama, backend),
    dispose: () => llama.dispose(),
  };
}

async function loadLlama(gpu: GpuChoice, build: BuildChoice, log: LogReader): Promise<Llama> {
  return getLlama({
    gpu: gpu === 'off' ? false : gpu,
    build: 'never',
    // A local build comes first of itself, unless it was made with other cmake options: prebuilt binaries are taken
    // whatever the options are, so one that means nothing to llama.cpp passes a local build by.
    ...(build === 'prebuilt' ? { cmakeOptions: { QUANTSCOPE_PREBUILT: 'ON' } } : {}),
    usePrebuiltBinaries: build !== 'local',
    skipDownload: true,
    maxThreads: 0,
    logLevel: LlamaLogLevel.info,
    logger: (level, message) => log.take(level, message),
    progressLogs: false,
  }).catch((cause: unknown) => {
    throw notInstalled(gpu, build, cause);
  });
}

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
    systemInfo: llama.systemInfo.trim().replace(/\s*\|$/, ''),
    mathCores: llama.cpuMathCores,
  };
}

function notInstalled(gpu: GpuChoice, build: BuildChoice, cause: unknown): EngineError {
  if (cause instanceof NoBinaryFoundError && build === 'local') {
    const what = gpu === 'auto' || gpu === 'off' ? 'llama.cpp' : `llama.cpp for ${gpu}`;
    return new EngineError('engine/not-installed', `there is no local build of ${what} that loads`, {
      cause,
      hint: 'Make one with quantscope engine build, or unset QUANTSCOPE_ENGINE.',
    });
  }
  if (cause instanceof NoBinaryFoundError && gpu !== 'auto' && gpu !== 'off') return gpuUnavailable(gpu);
  if (cause instanceof NoBinaryFoundError) {
    return new EngineError(
      'engine/not-installed',
      `node-llama-cpp has no working binary for ${process.platform}-${process.arch}`,
      {
        cause,
        hint: 'Its binaries are optional npm packages: install again without --omit=optional or --no-optional.',
      },
    );
  }
  return new EngineError('engine/not-installed', `llama.cpp did not start: ${messageOf(cause)}`, { cause });
}

function gpuUnavailable(gpu: GpuChoice): EngineError {
  if (gpu !== 'auto' && (gpu === 'metal') !== (process.platform === 'darwin')) {
    return new EngineError('engine/gpu-unavailable', `llama.cpp has no ${gpu} on ${process.platform} here`, {
      hint: `Use --gpu ${gpu === 'metal' ? 'vulkan or cuda' : 'metal'}, --gpu auto to take what there is, or --gpu off for the CPU.`,
    });
  }
  return new EngineError('engine/gpu-unavailable', `no ${gpu} device can be used on this machine`, {
    hint: 'quantscope doctor says why. Use --gpu auto to take what there is, or --gpu off for the CPU.',
  });
}
