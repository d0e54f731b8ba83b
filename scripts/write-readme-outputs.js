// Replaces what stands between `<!-- begin: output of `COMMAND` -->` and `<!-- end -->` in README.md by what the command
// prints here (npm run readme), so that no output there is made up.
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const README = new URL('../README.md', import.meta.url);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FENCE = '```';
const BLOCK = /(<!-- begin: output of `quantscope ([^`]+)` -->\n)[\s\S]*?(<!-- end -->)/g;

const text = await readFile(README, 'utf8');
const renewed = text.replace(
  BLOCK,
  (_, begin, args, end) => `${begin}${FENCE}\n${run(args.split(' '))}${FENCE}\n${end}`,
);
await writeFile(README, renewed);

function run(args) {
  try {
    return execFileSync(process.execPath, ['bin/quantscope.js', ...args], {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (thrown) {
    // A finding exits with 1 and has printed what it found.
    if (thrown.status === 1) return thrown.stdout;
    throw thrown;
  }
}
