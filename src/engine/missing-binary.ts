import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cLibrary } from '../machine/c-library.ts';
import type { BuildChoice } from './build-choice.ts';
import type { Backend, GpuChoice } from './engine.ts';
import { EngineError } from './errors.ts';
import { llamaFolder } from './local-builds.ts';

/** Where a binary was looked for. */
export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly cLibrary: ReturnType<typeof cLibrary>;
  /** Names of the binaries that node-llama-cpp is published with: `linux-x64-vulkan`. */
  readonly published: readonly string[];
}

/** How the programs that compile llama.cpp are installed. */
export const BUILD_TOOLS: Partial<Record<NodeJS.Platform | 'musl', string>> = {
  linux:
    'Debian and Ubuntu: sudo apt install git cmake g++ make. Fedora: sudo dnf install git cmake gcc-c++ make. Alpine: apk add git cmake g++ make linux-headers.',
  musl: 'apk add git cmake g++ make linux-headers',
  android: 'pkg install git cmake clang make',
  darwin: 'xcode-select --install, then brew install cmake',
  win32: 'winget install Git.Git Kitware.CMake, and the C++ workload of the Visual Studio Build Tools.',
};

/** node-llama-cpp's names of its binaries' packages (3.22.1, dist/bindings/utils/compileLLamaCpp.js). */
export function packageName(
  backend: Backend,
  { platform, arch }: Pick<Surroundings, 'platform' | 'arch'> = process,
): string {
  const systems: Partial<Record<NodeJS.Platform, string>> = { darwin: 'mac', win32: 'win' };
  const processor = arch === 'arm' ? 'armv7l' : arch;
  return `${systems[platform] ?? platform}-${processor}${backend === 'cpu' ? '' : `-${backend}`}`;
}

/** Whether there is such a package at all: if not, no installation brings it. */
export function isPublished(
  backend: Backend,
  around: Pick<Surroundings, 'platform' | 'arch' | 'published'> = publishedHere(),
): boolean {
  return around.published.includes(packageName(backend, around));
}

export function surroundings(): Surroundings {
  return { ...publishedHere(), cLibrary: cLibrary() };
}

/** All but the C library, which takes time to find out. */
function publishedHere(): Omit<Surroundings, 'cLibrary'> {
  const text = readFileSync(join(llamaFolder(), '..', 'package.json'), 'utf8');
  // Written by node-llama-cpp, whose version is pinned.
  const { optionalDependencies = {} } = JSON.parse(text) as {
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  };
  return {
    platform: process.platform,
    arch: process.arch,
    published: Object.keys(optionalDependencies).map((name) => name.replace('@node-llama-cpp/', '')),
  };
}

/** Why no binary was found, and what brings one on this very system. */
export function missingBinary(
  gpu: Exclude<GpuChoice, 'auto'>,
  build: BuildChoice,
  around: Surroundings = surroundings(),
): EngineError {
  if (build === 'local') {
    const what = gpu === 'off' ? 'llama.cpp' : `llama.cpp for ${gpu}`;
    return new EngineError('engine/not-installed', `there is no local build of ${what} that loads`, {
      hint: 'Make one with quantscope engine build, or unset QUANTSCOPE_ENGINE.',
    });
  }
  if (gpu !== 'off') return missingGpu(gpu, around);
  const { platform, arch, cLibrary: library } = around;
  const missing = (message: string, hint: string) =>
    new EngineError('engine/not-installed', message, { hint });
  if (library === 'musl') {
    return missing(
      "node-llama-cpp's binaries need glibc, and this system has musl",
      `Use an image with glibc, such as node:22-slim of Debian, or compile it here: ${BUILD_TOOLS.musl}, then quantscope engine build.`,
    );
  }
  if (!cpuCarriers(around).some((backend) => isPublished(backend, around))) {
    const tools = BUILD_TOOLS[platform];
    return missing(
      `node-llama-cpp is published without a binary for ${platform}-${arch}`,
      `Compile it here: ${tools === undefined ? 'install git, cmake and a C++ compiler' : tools.replace(/\.$/, '')}, then quantscope engine build.`,
    );
  }
  return missing(
    `node-llama-cpp has no working binary for ${platform}-${arch}`,
    'Its binaries are optional npm packages: install again without --omit=optional or --no-optional.',
  );
}

/** Backends whose binaries can compute on the CPU: each has the CPU's beside it. */
function cpuCarriers({ platform }: Surroundings): readonly Backend[] {
  return platform === 'darwin' ? ['cpu', 'metal'] : ['cpu'];
}

function missingGpu(gpu: Exclude<Backend, 'cpu'>, around: Surroundings): EngineError {
  const { platform, arch } = around;
  if ((gpu === 'metal') !== (platform === 'darwin')) {
    return new EngineError('engine/gpu-unavailable', `llama.cpp has no ${gpu} on ${platform} here`, {
      hint: `Use --gpu ${gpu === 'metal' ? 'vulkan or cuda' : 'metal'}, --gpu auto to take what there is, or --gpu off for the CPU.`,
    });
  }
  if (!isPublished(gpu, around)) {
    return new EngineError(
      'engine/gpu-unavailable',
      `node-llama-cpp is published without ${gpu} for ${platform}-${arch}, and no local build has it`,
      {
        hint: `Compile it with quantscope engine build --gpu ${gpu} where the driver and its development files are installed, or use --gpu off for the CPU.`,
      },
    );
  }
  return noDevice(gpu);
}

/** The binary is here, and finds nothing to compute on. */
export function noDevice(gpu: Exclude<Backend, 'cpu'>): EngineError {
  return new EngineError('engine/gpu-unavailable', `no ${gpu} device can be used on this machine`, {
    hint: 'quantscope doctor says why. Use --gpu auto to take what there is, or --gpu off for the CPU.',
  });
}
