import { Command, Option } from 'commander';
import { CACHE_TYPES, type CacheType } from '../../schema/terms.ts';
import type { CommandContext } from '../command-context.ts';
import { positiveNumber, wholeNumber } from '../options.ts';
import { choiceList, numberList, numberListOr, type Pair, promptAndGeneration } from './lists.ts';

const GPU = ['auto', 'off', 'metal', 'vulkan', 'cuda'] as const;
const FLASH_ATTENTION = ['auto', 'on', 'off'] as const;
const FORMATS = ['table', 'md', 'csv', 'json', 'jsonl'] as const;

export interface BenchOptions {
  prompt: number[];
  generate: number[];
  promptGenerate: Pair[];
  depth: number[];
  repetitions: number;
  threads?: (number | 'auto')[];
  batchSize: number[];
  gpu: (typeof GPU)[number][];
  gpuLayers: (number | 'max')[];
  cacheTypeK: CacheType[];
  cacheTypeV: CacheType[];
  flashAttn: (typeof FLASH_ATTENTION)[number][];
  seed: number;
  timeout: number;
  output: (typeof FORMATS)[number];
  json?: boolean;
  out?: string;
  quiet?: boolean;
  yes?: boolean;
}

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

class BenchCommand extends Command {
  override parseOptions(argv: string[]) {
    return super.parseOptions(argv.map((argument) => LLAMA_BENCH_NAMES[argument] ?? argument));
  }
}

export function benchCommand(context: CommandContext): Command {
  return new BenchCommand('bench')
    .description(
      "Times prompts and generation by llama-bench's method, with its flags: every file and configuration in a process " +
        'of its own, the cache cleared before each repetition, a warm-up that is not counted. An option marked * takes ' +
        'several values separated by commas, or a range (1-8, 1-9+4, 1-8*2); all combinations are measured.',
    )
    .argument('<refs...>', 'files, folders, hf:owner/repo:QUANT, catalogue names, or nano[:QUANT]')
    .optionsGroup('Tests:')
    .addOption(list('-p, --prompt <n>', '* tokens of the prompt test, 0 for none', numberList(0), [512]))
    .addOption(
      list('-n, --generate <n>', '* tokens of the generation test, 0 for none', numberList(0), [128]),
    )
    .addOption(
      new Option(
        '--prompt-generate <p,n>',
        'also -pg: a prompt and a generation timed as one; may be repeated',
      )
        .argParser(promptAndGeneration)
        .default([], 'none'),
    )
    .addOption(list('-d, --depth <n>', '* tokens in the cache before each test', numberList(0), [0]))
    .option('-r, --repetitions <n>', 'timed repetitions of each test', wholeNumber(1), 5)
    .option('--seed <n>', 'of the random tokens', wholeNumber(0), 42)
    .optionsGroup('Settings:')
    .option(
      '-t, --threads <n>',
      "* threads; auto finds the fastest for prompts and for generation (default: llama.cpp's choice)",
      numberListOr('auto', 1),
    )
    .addOption(list('-b, --batch-size <n>', '* tokens evaluated at once', numberList(1), [512]))
    .addOption(list('--gpu <backend>', '* off,auto compares the CPU with the GPU', choiceList(GPU), ['auto']))
    .addOption(
      list<number | 'max'>(
        '--gpu-layers <n>',
        '* also -ngl: layers to keep on the GPU, or max',
        numberListOr('max', 0),
        ['max'],
      ),
    )
    .addOption(
      list('--cache-type-k <type>', '* also -ctk: type of cached keys', choiceList(CACHE_TYPES), ['f16']),
    )
    .addOption(
      list('--cache-type-v <type>', '* also -ctv: type of cached values', choiceList(CACHE_TYPES), ['f16']),
    )
    .addOption(
      list(
        '--flash-attn <when>',
        '* also -fa: auto, on, off',
        choiceList(FLASH_ATTENTION, { '1': 'on', '0': 'off' }),
        ['auto'],
      ),
    )
    .option('--timeout <seconds>', 'the longest any one step may take', positiveNumber, 900)
    .optionsGroup('Output:')
    .addOption(new Option('-o, --output <format>', 'how to print').choices([...FORMATS]).default('table'))
    .option('--json', 'the same as -o json (schema/bench.json)')
    .option('--out <file>', 'keep the results there, rewritten after every row')
    .option('-y, --yes', 'do not ask before downloading more than 1 GB')
    .option('-q, --quiet', 'no progress on stderr')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  quantscope bench nano                                pp512 and tg128 of the embedded family\n' +
        '  quantscope bench model.gguf -t 1,2,4,8               which count of threads is best\n' +
        '  quantscope bench model.gguf -t auto                  let it find them\n' +
        '  quantscope bench model.gguf -p 0 -d 0,512,2048       generation as the context fills\n' +
        '  quantscope bench model.gguf --gpu off,auto           what the GPU gains\n' +
        '  quantscope bench models/ -o csv > speed.csv\n' +
        '\nThe micro-batch (-ub of llama-bench) is always the batch size: the engine has one for both.\n' +
        '\nExit code: 0 done, 1 a test failed, 2 wrong use or no engine, 130 interrupted.\n',
    )
    .exitOverride()
    .action(async (refs: string[], options: BenchOptions) => {
      const { runBenchCommand } = await import('./run.ts');
      context.done(await runBenchCommand({ refs, options, signal: context.signal }));
    });
}

function list<Value>(
  flags: string,
  description: string,
  parse: (text: string) => Value[],
  fallback: Value[],
): Option {
  return new Option(flags, description).argParser(parse).default(fallback, fallback.join(','));
}
