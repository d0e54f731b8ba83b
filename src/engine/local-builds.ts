import { constants, existsSync } from 'node:fs';
import { access, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Backend } from './engine.ts';

/**
 * What node-llama-cpp compiled lies inside its own package, one folder a backend, and is gone when the package is
 * installed again. Source of the names: node-llama-cpp 3.22.1, dist/config.js and
 * dist/bindings/utils/compileLLamaCpp.js.
 */
export interface LocalBuild {
  readonly folder: string;
  readonly backend: Backend;
  /** null for one that was interrupted: the engine never takes it. */
  readonly builtAt: Date | null;
}

/** The folder of node-llama-cpp that holds the source, and the builds made from it. */
export function llamaFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve('node-llama-cpp')), '..', 'llama');
}

export async function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

export async function listLocalBuilds(folder: string = llamaFolder()): Promise<LocalBuild[]> {
  const root = join(folder, 'localBuilds');
  const entries = existsSync(root) ? await readdir(root, { withFileTypes: true }) : [];
  const builds: LocalBuild[] = [];
  for (const entry of entries) {
    // A lock is a folder too.
    if (!entry.isDirectory() || entry.name.endsWith('.lock')) continue;
    const build = join(root, entry.name);
    const done = await stat(join(build, 'buildDone.status')).catch(() => null);
    builds.push({ folder: build, backend: await backendOf(build), builtAt: done?.mtime ?? null });
  }
  return builds;
}

/** Removes every local build, and the source that was unpacked for them. */
export async function removeLocalBuilds(folder: string = llamaFolder()): Promise<void> {
  for (const name of ['localBuilds', 'llama.cpp', 'lastBuild.json']) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function backendOf(build: string): Promise<Backend> {
  const text = await readFile(join(build, 'Release', '_nlcBuildMetadata.json'), 'utf8').catch(() => '{}');
  // Written by node-llama-cpp itself; anything else in its place counts as a build for the CPU.
  const { buildOptions } = JSON.parse(text) as { buildOptions?: { gpu?: unknown } };
  const gpu = buildOptions?.gpu;
  return gpu === 'metal' || gpu === 'vulkan' || gpu === 'cuda' ? gpu : 'cpu';
}
