// Holds what the built CLI says on ARM64 Linux against what it says on x64 (npm run test:arm64): emulated by QEMU on
// an x64 machine, where both run side by side; on an ARM64 machine natively, against the figures kept from x64.
//
//   node scripts/arm64.js [--time-limit SECONDS] [--record]
//
// --record keeps this x64 machine's figures in arm64/x64-figures.json. Exit code: 0 all agree, 1 something does not,
// 77 skipped, with the reason: not a machine for it, the parts cannot be fetched, or it takes longer than the limit.
// Nothing emulated may be timed.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import envPaths from 'env-paths';
import { agreement, table } from './arm64/agreement.js';
import { emulatedNode } from './arm64/emulator.js';
import { figuresWith } from './arm64/figures.js';

/** As automake has it. */
const SKIPPED = 77;
/** One thread each. */
const EMULATED_LANES = Math.min(2, availableParallelism());
const RECORDED = new URL('arm64/x64-figures.json', import.meta.url);
const ENGINE = new URL('../node_modules/@node-llama-cpp/linux-arm64/package.json', import.meta.url);

const { values } = parseArgs({
  options: { 'time-limit': { type: 'string', default: '600' }, record: { type: 'boolean', default: false } },
});
const limitSeconds = Number(values['time-limit']);
if (!(limitSeconds > 0)) {
  process.stderr.write(`--time-limit takes seconds, got ${values['time-limit']}\n`);
  process.exit(2);
}
const signal = AbortSignal.timeout(limitSeconds * 1000);
const scratchFolder = await mkdtemp(join(tmpdir(), 'quantscope-arm64-'));
try {
  process.exitCode = await main();
} finally {
  await rm(scratchFolder, { recursive: true, force: true });
}

async function main() {
  const reason = whyNotHere();
  if (reason !== null) return skipped(reason);
  try {
    return process.arch === 'arm64' ? await againstRecorded() : await againstThisMachine();
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    return skipped(`not done after ${limitSeconds} s (--time-limit): this machine is too slow or busy`);
  }
}

function whyNotHere() {
  const machine = `${process.platform} ${process.arch}`;
  if (machine !== 'linux x64' && machine !== 'linux arm64')
    return `needs Linux on x64 or ARM64, this is ${machine}`;
  if (!existsSync(ENGINE))
    return 'the engine for ARM64 is not installed (@node-llama-cpp/linux-arm64): npm ci';
  return null;
}

async function againstThisMachine() {
  const cacheFolder = join(envPaths('quantscope', { suffix: '' }).cache, 'arm64');
  let node;
  try {
    node = await emulatedNode({ cacheFolder, signal });
  } catch (thrown) {
    const said = String(thrown.stderr ?? '')
      .trim()
      .split('\n')[0];
    return skipped(`emulator, libraries or Node cannot be fetched: ${said || thrown.message}`);
  }
  const x64 = await figures('x64', process.execPath, 1);
  if (values.record) await writeFile(RECORDED, `${JSON.stringify(x64, null, 2)}\n`);
  const arm64 = await figures('arm64', node, EMULATED_LANES);
  return judged(agreement(x64, arm64), { expected: 'x64', got: 'arm64 (emulated)' });
}

async function againstRecorded() {
  const x64 = JSON.parse(await readFile(RECORDED, 'utf8'));
  const arm64 = await figures('arm64', process.execPath, 1);
  return judged(agreement(x64, arm64), { expected: 'x64 (kept)', got: 'arm64' });
}

function figures(name, node, lanes) {
  const done = (command) => process.stderr.write(`${name}: ${command}\n`);
  return figuresWith(node, { lanes, scratchFolder, signal, done });
}

function judged(rows, headings) {
  process.stdout.write(table(rows, headings));
  const differing = rows.filter(({ agrees }) => !agrees).length;
  process.stdout.write(`${rows.length - differing} of ${rows.length} figures agree\n`);
  return differing === 0 ? 0 : 1;
}

function skipped(reason) {
  process.stdout.write(`skipped: ${reason}\n`);
  return SKIPPED;
}
