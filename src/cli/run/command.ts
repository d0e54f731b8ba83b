import { Command, InvalidArgumentError, Option } from 'commander';
import { COMMON_CACHE_TYPES, type CommonCacheType } from '../../schema/terms.ts';
import type { CommandContext } from '../command-context.ts';
import { layers, percentage, positiveNumber, threads, wholeNumber } from '../options.ts';

export interface RunOptions {
  system?: string;
  raw?: boolean;
  template?: string;
  maxTokens?: number;
  context?: number;
  temperature: number;
  greedy?: boolean;
  topK: number;
  topP: number;
  minP: number;
  repeatPenalty: number;
  repeatLast: number;
  seed?: number;
  stop: string[];
  threads?: number | 'auto';
  gpu: 'auto' | 'off' | 'metal' | 'vulkan' | 'cuda';
  gpuLayers: number | 'max';
  cacheType: CommonCacheType;
  timeout: number;
  trace?: boolean;
  candidates: number;
  json?: boolean;
  yes?: boolean;
  quiet?: boolean;
}

export function runCommand(context: CommandContext): Command {
  const positive = wholeNumber(1);
  return new Command('run')
    .description(
      'Runs one model. With a prompt it streams the reply to stdout and ends; on a terminal without one it is a chat ' +
        "with history, in the model's own chat template (/help lists what it understands). A prompt of - is read " +
        'from stdin.\n\n--trace shows the way from text to text: tokens with their ids, what each evaluation took, ' +
        'the most likely next tokens with their probabilities, the choice, and its text.',
    )
    .argument('<ref>', 'one model: a file, hf:owner/repo:QUANT, phi3:Q4_K_M, nano:Q4_K_M')
    .argument('[prompt...]', 'what to ask')
    .optionsGroup('Prompt:')
    .option('-s, --system <text>', 'a system message before the first turn')
    .option('--raw', 'give the text to the model as it is, without a chat template')
    .option('--template <file>', "a Jinja chat template instead of the model's own")
    .optionsGroup('Reply:')
    .option(
      '-n, --max-tokens <n>',
      'the longest reply (default: until the model or the context ends it)',
      positive,
    )
    .option(
      '-c, --context <n>',
      "tokens of prompt and replies (default: the model's own, at most 4096)",
      wholeNumber(16),
    )
    .addOption(
      new Option('--stop <text>', 'end the reply before this text; may be repeated')
        .argParser((text: string, before: string[]) => [...before, text])
        .default([], 'none'),
    )
    .optionsGroup('Sampling:')
    .option('--temperature <t>', '0 is always the most likely token', nonNegative, 0.8)
    .option('--greedy', 'the same as --temperature 0')
    .option('--top-k <n>', 'draw from the n most likely tokens; 0 is all', wholeNumber(0), 40)
    .option('--top-p <share>', 'draw from the most likely tokens of this share together', fraction, 0.95)
    .option('--min-p <share>', "leave out tokens below this share of the most likely one's", fraction, 0.05)
    .option('--repeat-penalty <x>', '1 is none', positiveNumber, 1)
    .option('--repeat-last <n>', 'tokens back that the penalty looks at', wholeNumber(0), 64)
    .option('--seed <n>', 'for the same reply again (default: a new one each time)', wholeNumber(0))
    .optionsGroup('Engine:')
    .option(
      '-t, --threads <n>',
      "threads, or auto to find the fastest for prompt and reply first (default: llama.cpp's choice)",
      threads,
    )
    .addOption(
      new Option('--gpu <backend>', 'where to run')
        .choices(['auto', 'off', 'metal', 'vulkan', 'cuda'])
        .default('auto'),
    )
    .option('--gpu-layers <n>', 'layers to keep on the GPU, or max', layers, 'max')
    .addOption(
      new Option('--cache-type <type>', 'of keys and values').choices(COMMON_CACHE_TYPES).default('f16'),
    )
    .option('--timeout <seconds>', 'the longest any one step may take', positiveNumber, 900)
    .optionsGroup('Output:')
    .option('--trace', 'show tokenization, evaluation, sampling and detokenization with their times')
    .option('--candidates <n>', 'most likely tokens at each step of the trace', positive, 5)
    .option('--json', 'print the reply, its timings and the trace as JSON (schema/run.json)')
    .option('-y, --yes', 'do not ask before downloading more than 1 GB')
    .option('-q, --quiet', 'nothing on stderr')
    .addHelpText(
      'after',
      '\nIn a chat:\n' +
        '  /help                 what it understands\n' +
        '  /set temperature 0.2  change the sampling; /set alone shows it\n' +
        '  /undo, /retry, /clear go back a turn, ask again, begin again\n' +
        '  Ctrl-C                stop the reply; at the prompt, leave\n' +
        '\nExamples:\n' +
        '  quantscope run nano:Q4_K_M                               a chat\n' +
        '  quantscope run nano:Q4_K_M "What is 3 plus 4?" --greedy\n' +
        '  quantscope run nano:Q8_0 "What is 3 plus 4?" --trace     how each token was chosen\n' +
        '  cat letter.txt | quantscope run phi3:Q4_K_M - --system "Summarize in one sentence."\n' +
        '  quantscope run model.gguf "Hello" --json | jq .timings\n' +
        '\nExit code: 0 done, 2 wrong use, a model that does not load or no engine, 130 interrupted.\n',
    )
    .exitOverride()
    .action(async (ref: string, prompt: string[], options: RunOptions) => {
      const { runRun } = await import('./run.ts');
      context.done(await runRun({ ref, prompt: prompt.join(' '), options, signal: context.signal }));
    });
}

function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('Give a number of at least 0.');
  }
  return value;
}

/** A share from 0 to 1, as llama.cpp takes it, or a percentage. */
function fraction(text: string): number {
  if (text.endsWith('%')) return percentage(text);
  const value = nonNegative(text);
  if (value > 1) throw new InvalidArgumentError('Give a share from 0 to 1.');
  return value;
}
