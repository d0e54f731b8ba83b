import { COMPARE_DEFAULTS } from '../../api/compare/request.ts';
import { define, option } from '../define.ts';
import { gateOptions } from '../gate-options.ts';
import { listOf, names, tokenCount, wholeNumber } from '../options.ts';
import { limitOptions, SHARED } from '../shared-options.ts';
import type { CompareOptions } from './run.ts';

const { only, prompt, generate, depth, seed, phoneContext } = COMPARE_DEFAULTS;

export const compareCommand = define({
  name: 'compare',
  description:
    'Measures several GGUF files of one model side by side, each in a process of its own, by the methods of ' +
    'llama-bench and llama-perplexity, and recommends the smallest whose loss is within limits.\n\n' +
    'A ref is a file, a folder, hf:owner/repo:QUANT, a name of the catalogue (phi3, llama-3.2-1b, gemma-2b), or ' +
    'nano[:QUANT], the family that ships with the package (the default). What is on the Hub is pulled first.',
  arguments: { '[refs...]': 'the files to compare (default: nano)' },
  options: [
    option('--reference <name>', 'the variant to compare with, by name or ref (default: the most precise)'),
    option(
      '--make <recipes>',
      'make these of the first ref where they were not made before, and compare: Q8_0,Q4_K_M,mix:2.0GB',
    ).argParser(names),
    option('--imatrix <file>', 'importance matrix for what is made'),
    option('--only <stages>', `measure only these, separated by commas: ${only.join(', ')}`)
      .argParser(listOf(only))
      .default([...only], 'all'),
    option('--quick', '2 repetitions, 8 chunks of text, 64 tasks: a first look'),
    'Accuracy:',
    SHARED.texts(),
    SHARED.tasks(),
    SHARED.chunks(),
    SHARED.untilDecided(),
    SHARED.maxTime(),
    option(
      '--context <n>',
      'tokens in a chunk, as llama-perplexity -c',
      tokenCount(16),
      COMPARE_DEFAULTS.context,
    ),
    'Speed and memory:',
    option('-r, --repetitions <n>', 'timed repetitions of each test (default: 5)', wholeNumber(1)),
    option('--interleave', 'time the variants in turns, each repetition anew, so that drift hits all alike'),
    option('-p, --prompt <n>', 'tokens of the prompt test', tokenCount(1), prompt),
    option('-n, --generate <n>', 'tokens of the generation tests', tokenCount(1), generate),
    option('-d, --depth <n>', 'tokens before generation at depth', tokenCount(1), depth),
    SHARED.threads(),
    SHARED.gpu(),
    SHARED.gpuLayers(),
    SHARED.seed(seed),
    SHARED.timeout(),
    SHARED.noLock(),
    'Phones:',
    option('--device <names>', 'judge the variants on these phones too, separated by commas: see fit')
      .argParser(names)
      .default([], 'none'),
    option('--phone-context <n>', 'tokens of context there', tokenCount(1), phoneContext),
    'Limits of the recommendation:',
    ...limitOptions(),
    'Output:',
    SHARED.json('print the results as JSON (schema/results.json)'),
    option('--details', 'also print task accuracy by kind'),
    SHARED.out('keep the results there, rewritten after every measurement'),
    SHARED.shard(),
    option('--html <file>', 'also write a page for a browser: charts, tables, light and dark'),
    option('--resume <file>', 'measure only what is missing in these results, and complete them'),
    SHARED.fetch(),
    SHARED.yes(),
    SHARED.quiet(),
    ...gateOptions(),
  ],
  examples: [
    'compare                                   the embedded nano family',
    'compare phi3-F16.gguf --make Q8_0,Q4_K_M,Q2_K,mix:2.0GB',
    'compare models/phi3/ --quick              a first look at a folder',
    'compare a-F16.gguf a-Q4_K_M.gguf a-Q2_K.gguf --out phi3.json',
    'compare --resume phi3.json                go on where it was stopped',
    'compare models/ --only size               sizes, types and weight error: no engine',
    'compare models/ --json | jq .recommendation',
    'compare models/ --fail-if "recommended.file.bytes > 1.5GB or any.tasks.accuracy < 80%"',
  ],
  exitCode: '0 done, 1 a variant or a gate failed, 2 wrong use or no engine, 130 interrupted.',
  run: async ({ signal }, refs: string[], options: CompareOptions) =>
    (await import('./run.ts')).runCompare(refs, options, signal),
});
