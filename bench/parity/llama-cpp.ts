import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinary } from '../../src/engine/binaries.ts';
import { runProgram } from './program.ts';

/**
 * The peer: llama.cpp's own tools, compiled from the source that node-llama-cpp ships as a git bundle, with the patches
 * it puts on it. That is the very revision that the engine is made of.
 */
const TARGETS = ['llama-bench', 'llama-imatrix', 'llama-perplexity', 'llama-quantize'] as const;
type Target = (typeof TARGETS)[number];

/** Where each tool's own source lies. */
const FOLDERS: Readonly<Record<Target, string>> = {
  'llama-bench': 'tools/llama-bench',
  'llama-imatrix': 'tools/imatrix',
  'llama-perplexity': 'tools/perplexity',
  'llama-quantize': 'tools/quantize',
};

/** Libraries of the engine's package that a tool is linked with; a program of our own needs all but the first. */
const LIBRARIES = ['llama-common', 'llama', 'ggml', 'ggml-base'];
const HEADERS = ['include', 'common', 'ggml/include', 'vendor'];
const FLUSH_LOG = fileURLToPath(new URL('flush-log.cpp', import.meta.url));

/** The best a user could compile on this machine; nothing but those, and no library that they do not need. */
const NATIVE_OPTIONS = [
  'CMAKE_BUILD_TYPE=Release',
  'BUILD_SHARED_LIBS=ON',
  'LLAMA_BUILD_TESTS=OFF',
  'LLAMA_BUILD_EXAMPLES=OFF',
  'LLAMA_BUILD_SERVER=OFF',
  'LLAMA_BUILD_APP=OFF',
  'LLAMA_OPENSSL=OFF',
  'GGML_CCACHE=OFF',
  'GGML_NATIVE=ON',
  'GGML_OPENMP=ON',
];

/** `prebuilt`: the tools alone, on the libraries from npm that the engine loads; `native`: all of it compiled here. */
export type PeerBuild = 'prebuilt' | 'native';

export interface LlamaTools {
  readonly build: PeerBuild;
  readonly bench: string;
  readonly imatrix: string;
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

/** Compiles the tools, or finds them compiled. `prebuilt` takes a minute at first, `native` several. */
export async function buildTools(
  source: LlamaSource,
  build: PeerBuild,
  cacheFolder: string,
): Promise<LlamaTools> {
  const root = join(cacheFolder, `llama.cpp-${source.release}`);
  const sourceFolder = join(root, 'source');
  if (!existsSync(sourceFolder)) await checkOut(source, sourceFolder);
  const toolFolder =
    build === 'prebuilt' ? await linkTools(sourceFolder, root) : await compileAll(sourceFolder, root);
  return {
    build,
    bench: join(toolFolder, 'llama-bench'),
    imatrix: join(toolFolder, 'llama-imatrix'),
    perplexity: join(toolFolder, 'llama-perplexity'),
    quantize: join(toolFolder, 'llama-quantize'),
  };
}

/**
 * The tools' own sources, linked with the libraries of the engine's package: what differs is the tool alone. The folder
 * is named by a hash of where those libraries lie, since the tools hold that path, and of what is linked with them.
 */
async function linkTools(sourceFolder: string, root: string): Promise<string> {
  const { folder: libraryFolder } = await findBinary('off', 'prebuilt');
  const hash = hashOf(libraryFolder, await readFile(FLUSH_LOG));
  const folder = join(root, `tools-${hash}`);
  const files = await readdir(libraryFolder);
  await mkdir(folder, { recursive: true });
  // ggml looks for the libraries of CPUs beside the program.
  for (const file of files.filter((each) => each.startsWith('libggml-cpu'))) {
    await rm(join(folder, file), { force: true });
    await symlink(join(libraryFolder, file), join(folder, file));
  }
  for (const target of TARGETS) {
    const tool = join(folder, target);
    if (existsSync(tool)) continue;
    const toolFolder = join(sourceFolder, FOLDERS[target]);
    const sources = (await readdir(toolFolder)).filter((name) => name.endsWith('.cpp'));
    const paths = [...sources.map((name) => join(toolFolder, name)), FLUSH_LOG];
    await compile(tool, paths, sourceFolder, libraryFolder, LIBRARIES);
  }
  return folder;
}

/** A C++ file of this folder, compiled against llama.cpp's C interface and linked with the engine's own libraries. */
export async function buildProgram(
  source: LlamaSource,
  file: string,
  cacheFolder: string,
): Promise<{ readonly program: string; readonly libraryFolder: string }> {
  const root = join(cacheFolder, `llama.cpp-${source.release}`);
  const sourceFolder = join(root, 'source');
  if (!existsSync(sourceFolder)) await checkOut(source, sourceFolder);
  const { folder: libraryFolder } = await findBinary('off', 'prebuilt');
  const path = fileURLToPath(new URL(file, import.meta.url));
  const program = join(root, `${file}-${hashOf(libraryFolder, await readFile(path))}`);
  if (!existsSync(program)) await compile(program, [path], sourceFolder, libraryFolder, LIBRARIES.slice(1));
  return { program, libraryFolder };
}

function hashOf(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 8);
}

async function compile(
  program: string,
  sources: readonly string[],
  sourceFolder: string,
  libraryFolder: string,
  libraries: readonly string[],
): Promise<void> {
  const files = await readdir(libraryFolder);
  const linked = libraries.map((name) => {
    const file = files.find((each) => new RegExp(`^lib${name}(\\.v[\\d.]+)?\\.(so|dylib)$`).test(each));
    if (file === undefined) throw new Error(`no library ${name} in ${libraryFolder}`);
    return join(libraryFolder, file);
  });
  const args = [
    ...['-O3', '-DNDEBUG', '-std=c++17', '-o', `${program}.unfinished`],
    ...HEADERS.flatMap((header) => ['-I', join(sourceFolder, header)]),
    ...sources,
    ...linked,
    ...[`-Wl,-rpath,${libraryFolder}`, '-lpthread'],
  ];
  process.stderr.write(`compiling ${basename(program)}\n`);
  await runProgram(
    'c++',
    process.platform === 'linux' ? [...args, `-Wl,-rpath-link,${libraryFolder}`] : args,
  );
  await rename(`${program}.unfinished`, program);
}

/** cmake looks at what changed, so a second call takes seconds. The folder is named by a hash of the options. */
async function compileAll(sourceFolder: string, root: string): Promise<string> {
  const folder = join(root, `native-${hashOf(NATIVE_OPTIONS.join('\n'))}`);
  const definitions = NATIVE_OPTIONS.map((option) => `-D${option}`);
  await runProgram('cmake', ['-S', sourceFolder, '-B', folder, ...definitions]);
  const isFirst = TARGETS.some((name) => !existsSync(join(folder, 'bin', name)));
  const jobs = String(availableParallelism());
  await runProgram(
    'nice',
    ['-n', '10', 'cmake', '--build', folder, '--target', ...TARGETS, '--parallel', jobs],
    { loud: isFirst },
  );
  return join(folder, 'bin');
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
