/**
 * `quantscope validate` on every file of a folder, a process for each: the longest time and the highest memory of it
 * or of the process it starts for a chat template, as GNU time tells them.
 * Target for ../shared/gguf-cases: each under 1 s and 150 MB.
 *
 *     npm run build && npx tsx bench/validate-cases.ts FOLDER...
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));

const folders = process.argv.slice(2);
if (folders.length === 0) {
  process.stderr.write('Name at least one folder of GGUF files, such as ../shared/gguf-cases/malformed.\n');
  process.exit(2);
}

const runs = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.gguf'))
    .map((name) => {
      const started = performance.now();
      const args = [
        '-f',
        'peak %M',
        process.execPath,
        BIN,
        'validate',
        '--quiet',
        '--json',
        join(folder, name),
      ];
      const { status, stderr } = spawnSync('/usr/bin/time', args, { encoding: 'utf8' });
      const milliseconds = performance.now() - started;
      const megabytes = (Number(/peak (\d+)/.exec(stderr)?.[1]) * 1024) / 1e6;
      const lines = stderr
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('Command exited'));
      // The line of the measurement itself is the only one a validation may leave on stderr.
      const isClean = (status === 0 || status === 1) && lines.length === 1;
      return { name, milliseconds, megabytes, isClean };
    }),
);
if (runs.length === 0) {
  process.stderr.write(`No GGUF file in ${folders.join(', ')}.\n`);
  process.exit(2);
}
const slowest = runs.reduce((a, b) => (b.milliseconds > a.milliseconds ? b : a));
const largest = runs.reduce((a, b) => (b.megabytes > a.megabytes ? b : a));
const unclean = runs.filter(({ isClean }) => !isClean).map(({ name }) => name);
process.stdout.write(
  `${runs.length} files; slowest ${slowest.name} ${slowest.milliseconds.toFixed(0)} ms; ` +
    `largest ${largest.name} ${largest.megabytes.toFixed(0)} MB; stack traces or other ends: ${unclean.join(', ') || 'none'}\n`,
);
