import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { BuildChoice } from './build-choice.ts';
import type { Backend, GpuChoice } from './engine.ts';
import { listLocalBuilds, llamaFolder } from './local-builds.ts';
import { missingBinary, packageName } from './missing-binary.ts';

/** A folder with llama.cpp's shared libraries, from npm or compiled on this machine. */
export interface Binary {
  readonly folder: string;
  /** Where backends lie that need an older driver than those in `folder`; tried when these find no device. */
  readonly fallbackFolder: string;
  readonly build: 'prebuilt' | 'localBuild';
  /** What it was made for. Each has a backend for the CPU as well. */
  readonly backend: Backend;
  /** The version of node-llama-cpp that it belongs to. */
  readonly version: string;
  /** The release of llama.cpp that it was made from. */
  readonly llamaCpp: string;
}

/** Backends that `auto` tries before the CPU, the best first, as node-llama-cpp does. */
export function gpuBackends(platform: NodeJS.Platform = process.platform): Exclude<Backend, 'cpu'>[] {
  return platform === 'darwin' ? ['metal'] : ['cuda', 'vulkan'];
}

/**
 * The binary that a session takes: of the build asked for, else a local one before npm's. A backend for a GPU has
 * the CPU's beside it, which serves where nothing else is there (macOS on ARM).
 * @throws EngineError `engine/not-installed`, `engine/gpu-unavailable`
 */
export async function findBinary(gpu: Exclude<GpuChoice, 'auto'>, build: BuildChoice): Promise<Binary> {
  const backends: readonly Backend[] = gpu === 'off' ? ['cpu', ...gpuBackends()] : [gpu];
  const version = await ownVersion();
  if (build !== 'prebuilt') {
    const local = await listLocalBuilds();
    for (const backend of backends) {
      const made = local.find((found) => found.backend === backend && found.builtAt !== null);
      if (made !== undefined)
        return describe(join(made.folder, 'Release'), undefined, 'localBuild', backend, version);
      // Only where nothing else can be meant: npm's binary for the CPU goes before a local one for a GPU.
      if (build === 'auto') break;
    }
  }
  if (build !== 'local') {
    for (const backend of backends) {
      const name = packageName(backend);
      const folder = await prebuiltFolder(name, version);
      if (folder === null) continue;
      return describe(folder, await prebuiltFolder(name, version, '-ext'), 'prebuilt', backend, version);
    }
  }
  throw missingBinary(gpu, build);
}

async function describe(
  folder: string,
  extension: string | null | undefined,
  build: Binary['build'],
  backend: Backend,
  version: string,
): Promise<Binary> {
  // Written by node-llama-cpp, whose version is pinned.
  const { buildOptions } = JSON.parse(await readFile(join(folder, '_nlcBuildMetadata.json'), 'utf8')) as {
    readonly buildOptions: { readonly llamaCpp: { readonly release: string } };
  };
  const fallbackFolder = join(extension ?? folder, 'fallback');
  return { folder, fallbackFolder, build, backend, version, llamaCpp: buildOptions.llamaCpp.release };
}

/** null where the package is not installed, or in another version than node-llama-cpp's. */
async function prebuiltFolder(name: string, version: string, suffix = ''): Promise<string | null> {
  try {
    // No dependency of this package: it is found as node-llama-cpp finds it.
    const entry = createRequire(join(llamaFolder(), '..', 'package.json')).resolve(
      `@node-llama-cpp/${name}${suffix}`,
    );
    const root = join(dirname(entry), '..');
    const folder = join(root, 'bins', name);
    return (await versionIn(root)) === version && existsSync(folder) ? folder : null;
  } catch {
    return null;
  }
}

function ownVersion(): Promise<string> {
  return versionIn(join(llamaFolder(), '..'));
}

async function versionIn(root: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return version;
}
