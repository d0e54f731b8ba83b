import { Command, InvalidArgumentError, Option } from 'commander';
import { CACHE_TYPES, type CacheType, COMMON_CACHE_TYPES } from '../../schema/terms.ts';
import { numberList } from '../bench/lists.ts';
import type { CommandContext } from '../command-context.ts';
import { layers, listOf, positiveNumber, threads, wholeNumber } from '../options.ts';

export interface ContextOptions {
  sizes?: number[];
  cacheTypes: CacheType[];
  memory?: number;
  generate: number;
  repetitions: number;
  threads?: number | 'auto';
  gpu: 'auto' | 'off' | 'metal' | 'vulkan' | 'cuda';
  gpuLayers: number | 'max';
  seed: number;
  accuracy: boolean;
  text?: string;
  chunks: number;
  evalContext: number;
  timeout: number;
  json?: boolean;
  out?: string;
  quiet?: boolean;
  yes?: boolean;
}

export function contextCommand(context: CommandContext): Command {
  return new Command('context')
    .description(
      'Measures one model at growing context sizes with several types of KV cache: estimated and measured memory, ' +
        'load time, the speed of reading a prompt that fills the context and of generating at its end, and what each ' +
        'type costs in accuracy against f16. Says the largest context within a budget and which setting to ship.',
    )
    .argument('<ref>', 'a file, hf:owner/repo:QUANT, a catalogue name, or nano:QUANT')
    .option(
      '--sizes <n>',
      "context sizes separated by commas (default: 512, 1024, ... up to the model's own; above 8192 estimated only)",
      numberList(16),
    )
    .addOption(
      new Option('--cache-types <types>', 'types of keys and values, separated by commas')
        .argParser(listOf(CACHE_TYPES))
        .default([...COMMON_CACHE_TYPES], COMMON_CACHE_TYPES.join()),
    )
    .option('--memory <size>', 'the budget, such as 3GB or 2.5GiB (default: what is free here)', memorySize)
    .optionsGroup('Speed:')
    .option('-n, --generate <n>', 'tokens generated at the end of the context', wholeNumber(1), 32)
    .option('-r, --repetitions <n>', 'timed repetitions of each size', wholeNumber(1), 1)
    .option(
      '-t, --threads <n>',
      "threads, or auto to find the fastest (default: llama.cpp's choice)",
      threads,
    )
    .addOption(
      new Option('--gpu <backend>', 'where to run')
        .choices(['auto', 'off', 'metal', 'vulkan', 'cuda'])
        .default('auto'),
    )
    .option('--gpu-layers <n>', 'layers to keep on the GPU, or max', layers, 'max')
    .option('--seed <n>', 'of the random tokens that speed is measured on', wholeNumber(0), 42)
    .option('--timeout <seconds>', 'the longest any one step may take', positiveNumber, 900)
    .optionsGroup('Accuracy:')
    .option('--no-accuracy', 'leave it out; then only f16 can be recommended')
    .option('--text <file>', 'the text for perplexity and divergence (default: by model)')
    .option('--chunks <n>', 'evaluate at most the first n chunks of the text', wholeNumber(2), 8)
    .option('--eval-context <n>', 'tokens in a chunk', wholeNumber(16), 512)
    .optionsGroup('Output:')
    .option('--json', 'print the results as JSON (schema/context.json)')
    .option('-o, --out <file>', 'keep the results there, rewritten after every size')
    .option('-y, --yes', 'do not ask before downloading more than 1 GB')
    .option('-q, --quiet', 'no progress on stderr')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  quantscope context nano:Q4_K_M                       the embedded model\n' +
        '  quantscope context model.gguf --memory 3GB           what an app may use\n' +
        '  quantscope context model.gguf --sizes 2048,4096 --cache-types f16,q8_0\n' +
        '  quantscope context model.gguf --no-accuracy --json   memory and speed alone\n' +
        '\nExit code: 0 done, 1 a size or type failed, 2 wrong use or no engine, 130 interrupted.\n',
    )
    .exitOverride()
    .action(async (ref: string, options: ContextOptions) => {
      const { runContextCommand } = await import('./run.ts');
      context.done(await runContextCommand({ ref, options, signal: context.signal }));
    });
}

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** Bytes with a unit, decimal (GB) or binary (GiB). */
function memorySize(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(number) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes < 1)
    throw new InvalidArgumentError('Give a size with its unit, such as 3GB, 2.5GiB or 800MB.');
  return bytes;
}
