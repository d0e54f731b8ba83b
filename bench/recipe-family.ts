/**
 * The family of a model in every recipe, each file written by `quantize`, with the importance matrix that `imatrix` makes
 * of it, and judged whole by `validate`: nothing above a note may be said of any, and no label may be doubted.
 *
 *     npm run build && npx tsx bench/recipe-family.ts MODEL-F16.gguf [--chunks 20] [--threads 2] [--recipes Q2_K,IQ1_S]
 *
 * One file at a time in the system's folder for temporary files. Ends with 1 where something is found.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readHeader } from '../src/gguf/index.ts';
import { quantizationLabel } from '../src/gguf/quantization-label.ts';
import { openFile } from '../src/io/index.ts';
import { RECIPES } from '../src/quantize/recipes.ts';
import type { ValidationReport } from '../src/schema/validation.ts';

const PROGRAM = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    chunks: { type: 'string', default: '20' },
    threads: { type: 'string', default: '2' },
    recipes: { type: 'string' },
  },
});
const [model] = positionals;
if (model === undefined) {
  process.stderr.write('Name a model in F32, F16 or BF16.\n');
  process.exit(2);
}
const print = (line: string): void => void process.stdout.write(`${line}\n`);

function run(...args: string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  return spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 });
}

const scratch = mkdtempSync(join(tmpdir(), 'recipe-family-'));
let faults = 0;
let made = 0;
try {
  const imatrix = join(scratch, 'imatrix.gguf');
  const threads = ['--threads', values.threads];
  const observed = run(
    'imatrix',
    model,
    '--out',
    imatrix,
    '--chunks',
    values.chunks,
    '--gpu',
    'off',
    '-q',
    ...threads,
  );
  if (observed.status !== 0) throw new Error(observed.stderr);
  const wanted =
    values.recipes?.split(',') ??
    [...RECIPES.values()].filter(({ copies }) => !copies).map(({ name }) => name);
  for (const recipe of wanted) {
    const path = join(scratch, `model-${recipe}.gguf`);
    const quantized = run('quantize', model, recipe, '--imatrix', imatrix, '--out', path, '-q', ...threads);
    if (quantized.status !== 0) {
      print(`${recipe.padEnd(10)} not made: ${quantized.stderr.trim().split('\n')[0]}`);
      continue;
    }
    made++;
    const report: ValidationReport = JSON.parse(run('validate', '--json', '-q', path).stdout);
    const found = report.files
      .flatMap(({ diagnostics }) => diagnostics)
      .filter(({ severity }) => severity !== 'note');
    await using source = await openFile(path);
    const { label, agrees, reason } = quantizationLabel(await readHeader(source));
    print(`${recipe.padEnd(10)} ${label}${reason === undefined ? '' : `: ${reason}`}`);
    for (const { rule, message } of found) print(`  FOUND ${rule}: ${message}`);
    if (found.length > 0 || !agrees || label !== recipe) faults++;
    rmSync(path);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
print(`${made} files of ${model}, ${faults} with a finding`);
process.exitCode = made === 0 || faults > 0 ? 1 : 0;
