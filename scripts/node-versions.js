// Runs the tests with other versions of Node (npm run test:node-versions [-- VERSION ... [TEST PATH ...]]), 22 and 24
// unless others are named, fetched from npm into the cache folder. What the tests start by name (node, npx) is that
// version too. Exit code: 0 all passed, 1 not, or a version is not to be had.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';
import { nodeBinary } from './node-binary.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VITEST = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
const VERSION = /^\d+(\.\d+){0,2}$/;

const words = process.argv.slice(2);
const named = words.filter((word) => VERSION.test(word));
const paths = words.filter((word) => !VERSION.test(word));
const { cache } = envPaths('quantscope', { suffix: '' });

const lines = [];
for (const version of named.length === 0 ? ['22', '24'] : named) {
  const { passed, line } = await testsWith(version);
  lines.push(line);
  if (!passed) process.exitCode = 1;
}
process.stdout.write(`${lines.join('\n')}\n`);

async function testsWith(version) {
  let node;
  try {
    const { platform, arch: processor } = process;
    node = await nodeBinary({ version, platform, processor, cacheFolder: cache });
  } catch (thrown) {
    return { passed: false, line: `Node ${version}: cannot be fetched: ${thrown.message.trim()}` };
  }
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-node-'));
  try {
    const report = join(folder, 'tests.json');
    const code = await exitCodeOf(node, ['run', ...paths], report);
    const counts = JSON.parse(await readFile(report, 'utf8').catch(() => 'null'));
    const said =
      counts === null
        ? 'the tests did not run'
        : `${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped`;
    // A file that does not load has no failed test to count.
    const more = code === 0 || counts?.numFailedTests > 0 ? '' : `, vitest ended with ${code}`;
    return { passed: code === 0, line: `Node ${version}: ${said}${more}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function exitCodeOf(node, args, report) {
  return new Promise((resolve, reject) => {
    const path = `${dirname(node)}${delimiter}${process.env.PATH}`;
    const child = spawn(node, [VITEST, ...args], {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, PATH: path, TEST_REPORT: report },
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
}
