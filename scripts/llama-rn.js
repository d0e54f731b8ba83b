// Writes data/llama-rn.json: what the llama.rn that the kit targets knows, from the package that npm has
// (npm run llama-rn [-- VERSION]; the version of the file unless another is named). Beside it stands what backends
// computed themselves in the version that data/measured-speeds.json was measured with.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { backendKernels } from './backend-kernels.js';

/** Of PocketPal's rows (data/phones.json, sources). */
export const MEASURED_WITH = '0.12.0-rc.9';

/**
 * @param {(path: string) => string} read a file of the package: `cpp/llama-arch.cpp`
 * @param {readonly string[]} allTypes as in ggml.h: `Q4_K`
 */
export function llamaRnTable(read, allTypes) {
  const parameters = read('cpp/jsi/JSIParams.cpp');
  const install = read('cpp/jsi/RNLlamaJSI.cpp');
  const common = read('cpp/common/common.h');
  const android = read('android/src/main/java/com/rnllama/RNLlama.java');
  const number = (text, pattern) => Number(one(text, pattern));
  return {
    version: JSON.parse(read('package.json')).version,
    build: number(read('src/version.ts'), /BUILD_NUMBER = '(\d+)'/),
    architectures: all(
      /LLM_ARCH_NAMES = \{([\s\S]*?)\n\};/.exec(read('cpp/llama-arch.cpp'))?.[1] ?? '',
      /\{ LLM_ARCH_\w+,\s*"([^"]+)"/g,
    ).filter((name) => name !== '(unknown)'),
    preTokenizers: all(read('cpp/llama-vocab.cpp'), /tokenizer_pre == "([^"]+)"/g),
    tensorTypes: allTypes.filter((type) => new RegExp(`GGML_TYPE_${type}\\s*=`).test(read('cpp/ggml.h'))),
    options: all(
      /export type NativeContextParams = \{([\s\S]*?)\n\}/.exec(read('src/types.ts'))?.[1] ?? '',
      /^ {2}(\w+)\??:/gm,
    ),
    defaults: {
      contextSize: number(common, /int32_t n_ctx\s*=\s*(\d+);/),
      batch: number(common, /int32_t n_batch\s*=\s*(\d+);/),
      microBatch: number(common, /int32_t n_ubatch\s*=\s*(\d+);/),
      threads: number(parameters, /max_threads == 4 \? \d+ : int_min\((\d+), max_threads\)/),
      threadsOfFourCores: number(parameters, /max_threads == 4 \? (\d+) :/),
      threadsWithHexagon: number(parameters, /USE_HEXAGON\)\s*default_n_threads = (\d+);/),
      stateCacheMebibytes: number(install, /"state_cache_budget_mb", (\d+)\)/),
      stateCheckpoints: number(install, /"state_cache_max_checkpoints", (\d+)\)/),
    },
    android: {
      libraries: all(android, /tryLoadLibrary\("rnllama_jni_(\w+)"\)/g),
      hexagonChips: one(android, /KNOWN_HEXAGON_SOC_PATTERN =\s*Pattern\.compile\("\\\\b\(([^)]+)\)/).split(
        '|',
      ),
    },
    kernels: backendKernels((path) => read(`cpp/${path}`), allTypes),
  };
}

/** What the llama.rn of the measured speeds computed on OpenCL and Hexagon. */
export function measuredKernels(read, allTypes) {
  const { opencl, hexagon } = backendKernels((path) => read(`cpp/${path}`), allTypes).backends;
  const kept = ({ multiplies, mostRows }) => ({
    multiplies,
    ...(mostRows === undefined ? {} : { mostRows }),
  });
  return { opencl: kept(opencl), hexagon: kept(hexagon) };
}

function all(text, pattern) {
  const found = [...new Set([...text.matchAll(pattern)].map(([, name]) => name))];
  if (found.length === 0) throw new Error(`${pattern}: not in llama.rn's source`);
  return found;
}

function one(text, pattern) {
  const [, value] = pattern.exec(text) ?? [];
  if (value === undefined) throw new Error(`${pattern}: not in llama.rn's source`);
  return value;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { readFileSync } = await import('node:fs');
  const { TENSOR_TYPE_NAMES } = await import('../src/gguf/tensor-types.ts');
  const file = new URL('../data/llama-rn.json', import.meta.url);
  const version = process.argv[2] ?? JSON.parse(await readFile(file, 'utf8')).version;
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-llama-rn-'));
  try {
    const packed = (of) => {
      const npm = ['pack', `llama.rn@${of}`, '--ignore-scripts', '--silent'];
      const tarball = execFileSync('npm', npm, { cwd: folder, encoding: 'utf8' }).trim();
      execFileSync('tar', ['-xzf', tarball], { cwd: folder });
      return (path) => readFileSync(join(folder, 'package', path), 'utf8');
    };
    const measured = { version: MEASURED_WITH, ...measuredKernels(packed(MEASURED_WITH), TENSOR_TYPE_NAMES) };
    const table = llamaRnTable(packed(version), TENSOR_TYPE_NAMES);
    const document = { $schema: '../schema/llama-rn.json', ...table, measured };
    await writeFile(file, `${JSON.stringify(document, null, 2)}\n`);
    execFileSync('npx', ['biome', 'format', '--write', fileURLToPath(file)], { stdio: 'ignore' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
