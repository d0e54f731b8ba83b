/**
 * The embedded family's accuracy figures beside llama-perplexity's (fixtures/nano/reference.json, same text, chunks and
 * context), as a Markdown table.
 *
 *     npm run build && npx tsx bench/nano-parity.ts [results.json]
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isAvailable } from '../src/schema/availability.ts';
import { type Results, resultsSchema } from '../src/schema/results.ts';

interface Reference {
  readonly variants: Record<string, { ppl: number; meanKld: number; p99Kld: number; sameTopPercent: number }>;
  readonly tasks: { readonly variants: Record<string, { correct: number }> };
}

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const reference: Reference = JSON.parse(readFileSync(at('../fixtures/nano/reference.json'), 'utf8'));
const given = process.argv[2];
const text =
  given === undefined
    ? execFileSync(
        process.execPath,
        [at('../bin/quantscope.js'), 'compare', '--only', 'accuracy', '--json', '--quiet', '--gpu', 'off'],
        { encoding: 'utf8', maxBuffer: 2 ** 26 },
      )
    : readFileSync(given, 'utf8');
const results: Results = resultsSchema.parse(JSON.parse(text));

const print = (cells: readonly string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
print(['', 'perplexity', 'mean KLD', 'p99 KLD', 'same top, %', 'tasks right']);
print(['---', '---', '---', '---', '---', '---']);
for (const { name, perplexity, divergence, tasks } of results.variants) {
  const theirs = reference.variants[name];
  if (theirs === undefined || !isAvailable(perplexity) || !isAvailable(divergence) || !isAvailable(tasks))
    continue;
  const pair = (ours: number, other: number, digits: number) =>
    `${ours.toFixed(digits)} / ${other.toFixed(digits)}`;
  print([
    name,
    pair(perplexity.value, theirs.ppl, 4),
    pair(divergence.meanKld, theirs.meanKld, 6),
    pair(divergence.p99Kld, theirs.p99Kld, 4),
    pair(100 * divergence.sameTop, theirs.sameTopPercent, 2),
    `${tasks.correct} / ${reference.tasks.variants[name]?.correct}`,
  ]);
}
