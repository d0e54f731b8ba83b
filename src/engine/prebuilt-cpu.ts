import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Bindings, bindingsIn, type StartedBinding } from './bindings.ts';
import { llamaFolder } from './local-builds.ts';
import type { LogReader } from './log-reader.ts';

/**
 * node-llama-cpp's own start reads half a second of JavaScript and tries the binary in a second process first; this
 * one is a process for that already. So on Linux the prebuilt binary for the CPU is loaded as it does, without it.
 * Source of the package names, the order of the calls and the levels of the log: node-llama-cpp 3.22.1,
 * dist/bindings/getLlama.js and dist/bindings/Llama.js.
 */
const PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
};
const ADDON = 'llama-addon.node';
const INFO_LEVEL = 4;
const LEVEL_NAMES: Readonly<Record<number, string>> = { 1: 'fatal', 2: 'error' };

/** What this file reads of node-llama-cpp's own files, whose version is pinned. */
interface Manifest {
  readonly version: string;
}
interface BuildMetadata {
  readonly buildOptions: { readonly llamaCpp: { readonly release: string } };
}
interface BinaryPackage {
  getBinsDir(): { readonly binsDir: string; readonly packageVersion: string };
}

/**
 * Starts the prebuilt llama.cpp for the CPU.
 * @returns null where there is none that loads: node-llama-cpp says why
 * @throws EngineError `engine/changed`
 */
export async function startPrebuiltCpu(log: LogReader): Promise<StartedBinding | null> {
  const found = await findPrebuilt().catch(() => null);
  if (found === null) return null;
  const bindings = bindingsIn(found.addon);
  bindings.markLoaded();
  bindings.setLogger(byLine((level, line) => log.take(LEVEL_NAMES[level] ?? 'info', line)));
  bindings.setLoggerLogLevel(INFO_LEVEL);
  bindings.loadBackends();
  if (bindings.getGpuType() === undefined) bindings.loadBackends(found.folder);
  await bindings.init();
  return {
    bindings,
    info: {
      name: 'node-llama-cpp',
      version: found.version,
      llamaCpp: found.llamaCpp,
      build: 'prebuilt',
      backend: 'cpu',
      devices: [],
      systemInfo: bindings
        .systemInfo()
        .trim()
        .replace(/\s*\|$/, ''),
      mathCores: Math.floor(bindings.getMathCores()),
    },
    dispose: () => bindings.dispose(),
  };
}

async function findPrebuilt() {
  const name = PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) return null;
  const own = join(llamaFolder(), '..', 'package.json');
  const { version } = JSON.parse(await readFile(own, 'utf8')) as Manifest;
  // Not a dependency of this package: it is found as node-llama-cpp finds it.
  const require = createRequire(own);
  const entry = pathToFileURL(require.resolve(`@node-llama-cpp/${name}`)).href;
  const { binsDir, packageVersion } = ((await import(entry)) as BinaryPackage).getBinsDir();
  if (packageVersion !== version) return null;
  const folder = join(binsDir, name);
  const metadata = await readFile(join(folder, '_nlcBuildMetadata.json'), 'utf8');
  const { buildOptions } = JSON.parse(metadata) as BuildMetadata;
  const addon: unknown = require(join(folder, ADDON));
  return { addon, folder, version, llamaCpp: buildOptions.llamaCpp.release };
}

/** llama.cpp writes its log in pieces of lines. */
function byLine(take: (level: number, line: string) => void): Parameters<Bindings['setLogger']>[0] {
  let rest = '';
  return (level, text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(level, line);
  };
}
