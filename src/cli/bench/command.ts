import type { Option } from 'commander';
import { BENCH_DEFAULTS as defaults, TURN_PROMPT } from '../../api/bench/request.ts';
import { CACHE_TYPES, FLASH_ATTENTION, GPU_CHOICES } from '../../schema/terms.ts';
import { define, option } from '../define.ts';
import { gateOptions } from '../gate-options.ts';
import { MOST_THREADS, positiveNumber, wholeNumber } from '../options.ts';
import { SHARED } from '../shared-options.ts';
import { choiceList, numberList, numberListOr, promptAndGeneration } from './lists.ts';
import type { BenchOptions } from './run.ts';

const FORMATS = ['table', 'md', 'csv', 'json', 'jsonl'] as const satisfies readonly BenchOptions['output'][];

/** Names of llama-bench that commander cannot have (short ones of several letters) or that are other names for ours. */
const LLAMA_BENCH_NAMES: Readonly<Record<string, string>> = {
  '-ngl': '--gpu-layers',
  '-ctk': '--cache-type-k',
  '-ctv': '--cache-type-v',
  '-fa': '--flash-attn',
  '-pg': '--prompt-generate',
  '--n-prompt': '--prompt',
  '--n-gen': '--generate',
  '--n-depth': '--depth',
  '--n-gpu-layers': '--gpu-layers',
};

export const benchCommand = define({
  name: 'bench',
  description:
    "Times prompts and generation by llama-bench's method, with its flags: every file and configuration in a process " +
    'of its own, the cache cleared before each repetition, a warm-up that is not counted. An option marked * takes ' +
    'several values separated by commas, or a range (1-8, 1-9+4, 1-8*2); all combinations are measured.',
  aliases: LLAMA_BENCH_NAMES,
  arguments: { '<refs...>': 'files, folders, hf:owner/repo:QUANT, catalogue names, or nano[:QUANT]' },
  options: [
    'Tests:',
    // No defaults of commander's: with --minutes they are others, or wrong to give.
    option(
      '-p, --prompt <n>',
      `* tokens of the prompt test, 0 for none (default: ${defaults.prompt}, with --minutes ${TURN_PROMPT})`,
      numberList(0),
    ),
    option(
      '-n, --generate <n>',
      `* tokens of the generation test, 0 for none (default: ${defaults.generate})`,
      numberList(0),
    ),
    option(
      '--prompt-generate <p,n>',
      'also -pg: a prompt and a generation timed as one; may be repeated',
      promptAndGeneration,
      [],
      'none',
    ),
    list('-d, --depth <n>', '* tokens in the cache before each test', numberList(0), defaults.depth),
    option(
      '-r, --repetitions <n>',
      `timed repetitions of each test (default: ${defaults.repetitions})`,
      wholeNumber(1),
    ),
    option(
      '--minutes <n>',
      'repeat turns of a chat, -p tokens read and -n generated, for so long with every file and setting, and tell how the speed lasts',
      positiveNumber,
    ),
    SHARED.seed(defaults.seed, 'of the random tokens'),
    'Settings:',
    option(
      '-t, --threads <n>',
      "* threads; auto finds the fastest for prompts and for generation (default: llama.cpp's choice)",
      numberListOr('auto', 1, MOST_THREADS),
    ),
    list('-b, --batch-size <n>', '* tokens evaluated at once', numberList(1), defaults.batchSize),
    list(
      '--gpu <backend>',
      '* off,auto compares the CPU with the GPU',
      choiceList(GPU_CHOICES),
      defaults.gpu,
    ),
    list<number | 'max'>(
      '--gpu-layers <n>',
      '* also -ngl: layers to keep on the GPU, or max',
      numberListOr('max', 0),
      defaults.gpuLayers,
    ),
    list(
      '--cache-type-k <type>',
      '* also -ctk: type of cached keys',
      choiceList(CACHE_TYPES),
      defaults.cacheTypeK,
    ),
    list(
      '--cache-type-v <type>',
      '* also -ctv: type of cached values',
      choiceList(CACHE_TYPES),
      defaults.cacheTypeV,
    ),
    list(
      '--flash-attn <when>',
      '* also -fa: auto, on, off',
      choiceList(FLASH_ATTENTION, { '1': 'on', '0': 'off' }),
      defaults.flashAttn,
    ),
    SHARED.timeout(),
    SHARED.noLock(),
    'Output:',
    option('-o, --output <format>', 'how to print').choices(FORMATS).default('table'),
    SHARED.json('the same as -o json (schema/bench.json)'),
    option('--out <file>', 'keep the results there, rewritten after every row'),
    SHARED.shard('time one of n shares of the models'),
    SHARED.yes(),
    SHARED.quiet(),
    ...gateOptions(),
  ],
  examples: [
    'bench nano                                pp512 and tg128 of the embedded family',
    'bench model.gguf -t 1,2,4,8               which count of threads is best',
    'bench model.gguf -t auto                  let it find them',
    'bench model.gguf -p 0 -d 0,512,2048       generation as the context fills',
    'bench model.gguf --gpu off,auto           what the GPU gains',
    'bench model.gguf --minutes 10             how fast it still is when the machine is hot',
    'bench models/ -o csv > speed.csv',
    'bench models/ --shard auto --out bench.json',
    'bench model.gguf --out new.json --baseline old.json --gates quantscope.gates.json',
  ],
  notes: '\nThe micro-batch (-ub of llama-bench) is always the batch size: the engine has one for both.\n',
  exitCode: '0 done, 1 a test or a gate failed, 2 wrong use or no engine, 130 interrupted.',
  run: async ({ signal }, refs: string[], options: BenchOptions) =>
    (await import('./run.ts')).runBench(refs, options, signal),
});

function list<Value>(
  flags: string,
  description: string,
  parse: (text: string) => Value[],
  fallback: readonly Value[],
): Option {
  return option(flags, description, parse, [...fallback], fallback.join(','));
}
