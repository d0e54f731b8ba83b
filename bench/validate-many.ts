/**
 * `quantscope validate FOLDER` of 100, 1,000 and 10,000 small files, with at most 256 open files: peak memory must not
 * grow with the files but for what a document of all of them takes. Every tenth file is a malformed one.
 *
 *     npm run build && npx tsx bench/validate-many.ts [--counts 100,1000,10000] [--formats ndjson,text,json,junit]
 */
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeNanoVariants } from './nano-variants.ts';

const BIN = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));
const PEAK = fileURLToPath(new URL('./report-peak.js', import.meta.url));
const MALFORMED = fileURLToPath(new URL('../fixtures/malformed', import.meta.url));
const OPEN_FILES = 256;

const { values } = parseArgs({
  options: {
    counts: { type: 'string', default: '100,1000,10000' },
    formats: { type: 'string', default: 'ndjson,text,json,junit' },
  },
});

const scratch = mkdtempSync(join(tmpdir(), 'validate-many-'));
try {
  const malformed = readdirSync(MALFORMED).filter((name) => name.endsWith('.gguf'));
  for (const count of values.counts.split(',').map(Number)) {
    const folder = join(scratch, String(count));
    mkdirSync(folder);
    writeNanoVariants(folder, count - Math.floor(count / 10));
    for (let index = 0; index < Math.floor(count / 10); index++) {
      const name = malformed[index % malformed.length] ?? '';
      linkSync(join(MALFORMED, name), join(folder, `${index}-${name}`));
    }
    for (const format of values.formats.split(',')) measure(folder, count, format);
    rmSync(folder, { recursive: true });
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function measure(folder: string, count: number, format: string): void {
  const began = performance.now();
  const command = `ulimit -n ${OPEN_FILES}; exec "$@"`;
  const program = [process.execPath, '--import', PEAK, BIN, 'validate', '-q', '--format', format, folder];
  const { stdout, stderr, status } = spawnSync('sh', ['-c', command, 'sh', ...program], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const seconds = (performance.now() - began) / 1000;
  const usage = /peak (\d+) cpu (\d+)/.exec(stderr);
  if (usage === null || status !== 1) throw new Error(`validate ended with ${status}: ${stderr}`);
  process.stdout.write(
    `${String(count).padStart(6)} files, ${format.padEnd(6)}  peak ${(Number(usage[1]) / 1024).toFixed(0)} MB, ` +
      `${(count / seconds).toFixed(0)} files/s, ${(Number(usage[2]) / 1e3 / count).toFixed(2)} ms CPU each, ` +
      `${(stdout.length / 1e6).toFixed(1)} MB of output, load ${loadavg()[0]?.toFixed(1)}\n`,
  );
}
