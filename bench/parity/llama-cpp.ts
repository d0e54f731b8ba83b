import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { runProgram } from './program.ts';

/**
 * The peer: llama.cpp's own tools, compiled from the source that node-llama-cpp ships as a git bundle, with the patches
 * it puts on it. That is the very revision that the engine is made of.
 */
const TARGETS = ['llama-bench', 'llama-perplexity', 'llama-quantize'] as const;

/** Nothing but those three, and no library that they do not need. */
const COMMON_OPTIONS = [
  'CMAKE_BUILD_TYPE=Release',
  'BUILD_SHARED_LIBS=ON',
  'LLAMA_BUILD_TESTS=OFF',
  'LLAMA_BUILD_EXAMPLES=OFF',
  'LLAMA_BUILD_SERVER=OFF',
  'LLAMA_BUILD_APP=OFF',
  'LLAMA_OPENSSL=OFF',
  'GGML_CCACHE=OFF',
];

/**
 * `prebuilt` has the options of the binaries on npm (node-llama-cpp 3.22.1, dist/bindings/utils/compileLLamaCpp.js
 * with `ciMode`): every CPU variant as a library of its own, chosen at start, and ggml's own threads. `native` is the
 * best a user could compile on this machine.
 */
const BUILD_OPTIONS = {
  prebuilt: [
    ...COMMON_OPTIONS,
    'GGML_NATIVE=OFF',
    'GGML_CPU_ALL_VARIANTS=ON',
    'GGML_BACKEND_DL=ON',
    'GGML_OPENMP=OFF',
  ],
  native: [...COMMON_OPTIONS, 'GGML_NATIVE=ON', 'GGML_OPENMP=ON'],
} as const;

export type PeerBuild = keyof typeof BUILD_OPTIONS;

export interface LlamaTools {
  readonly build: PeerBuild;
  readonly bench: string;
  readonly perplexity: string;
  readonly quantize: string;
}

export interface LlamaSource {
  readonly release: string;
  readonly bundle: string;
  readonly patches: readonly string[];
}

/** What node-llama-cpp ships, or the reason why the peer cannot be built. */
export async function findSource(): Promise<LlamaSource | { readonly missing: string }> {
  if (process.platform === 'win32') return { missing: 'the peer is built on Linux and macOS alone' };
  const llama = join(dirname(createRequire(import.meta.url).resolve('node-llama-cpp')), '..', 'llama');
  const bundle = join(llama, 'gitRelease.bundle');
  if (!existsSync(bundle)) return { missing: `node-llama-cpp's source is not at ${bundle}` };
  for (const [program, version] of [
    ['git', '--version'],
    ['cmake', '--version'],
    ['c++', '--version'],
  ] as const) {
    const isThere = await runProgram(program, [version]).then(
      () => true,
      () => false,
    );
    if (!isThere) return { missing: `${program} is not installed` };
  }
  const { release } = JSON.parse(await readFile(join(llama, 'binariesGithubRelease.json'), 'utf8'));
  const folder = join(llama, 'patches');
  const patches = (await readdir(folder)).filter((name) => name.endsWith('.diff'));
  return { release: String(release), bundle, patches: patches.map((name) => join(folder, name)) };
}

/**
 * Compiles the tools, or finds them compiled: cmake looks at what changed, so a second call takes seconds. Folders are
 * named by a hash of the options; the first build takes minutes, `prebuilt` the longest.
 */
export async function buildTools(
  source: LlamaSource,
  build: PeerBuild,
  cacheFolder: string,
): Promise<LlamaTools> {
  const root = join(cacheFolder, `llama.cpp-${source.release}`);
  const sourceFolder = join(root, 'source');
  if (!existsSync(sourceFolder)) await checkOut(source, sourceFolder);
  const options = BUILD_OPTIONS[build];
  const hash = createHash('sha256').update(options.join('\n')).digest('hex').slice(0, 8);
  const folder = join(root, `${build}-${hash}`);
  const definitions = options.map((option) => `-D${option}`);
  await runProgram('cmake', ['-S', sourceFolder, '-B', folder, ...definitions]);
  const tool = (name: (typeof TARGETS)[number]) => join(folder, 'bin', name);
  const isFirst = TARGETS.some((name) => !existsSync(tool(name)));
  const jobs = String(availableParallelism());
  await runProgram(
    'nice',
    ['-n', '10', 'cmake', '--build', folder, '--target', ...TARGETS, '--parallel', jobs],
    { loud: isFirst },
  );
  return {
    build,
    bench: tool('llama-bench'),
    perplexity: tool('llama-perplexity'),
    quantize: tool('llama-quantize'),
  };
}

async function checkOut({ bundle, patches }: LlamaSource, folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  // Only a source with every patch gets its name: an interrupted one is thrown away.
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await runProgram('git', ['clone', '--quiet', bundle, unfinished]);
  for (const patch of patches) await runProgram('git', ['-C', unfinished, 'apply', patch]);
  await rename(unfinished, folder);
}
