import { InvalidArgumentError } from 'commander';
import { RUN_DEFAULTS } from '../../api/run/request.ts';
import { COMMON_CACHE_TYPES } from '../../schema/terms.ts';
import { define, option } from '../define.ts';
import { MOST_SEED, percentage, positiveNumber, wholeNumber } from '../options.ts';
import { SHARED } from '../shared-options.ts';
import type { RunOptions } from './run.ts';

const positive = wholeNumber(1);
const { temperature, topK, topP, minP, repeatPenalty, repeatLast, cacheType, candidates } = RUN_DEFAULTS;

export const runCommand = define({
  name: 'run',
  description:
    'Runs one model. With a prompt it streams the reply to stdout and ends; on a terminal without one it is a chat ' +
    "with history, in the model's own chat template (/help lists what it understands). A prompt of - is read " +
    'from stdin.\n\n--trace shows the way from text to text: tokens with their ids, what each evaluation took, ' +
    'the most likely next tokens with their probabilities, the choice, and its text.',
  arguments: {
    '<ref>': 'one model: a file, hf:owner/repo:QUANT, phi3:Q4_K_M, nano:Q4_K_M',
    '[prompt...]': 'what to ask',
  },
  options: [
    'Prompt:',
    option('-s, --system <text>', 'a system message before the first turn'),
    option('--raw', 'give the text to the model as it is, without a chat template'),
    option('--template <file>', "a Jinja chat template instead of the model's own"),
    'Reply:',
    option(
      '-n, --max-tokens <n>',
      'the longest reply (default: until the model or the context ends it)',
      positive,
    ),
    option(
      '-c, --context <n>',
      "tokens of prompt and replies (default: the model's own, at most 4096)",
      wholeNumber(16),
    ),
    option('--stop <text>', 'end the reply before this text; may be repeated')
      .argParser((text: string, before: string[]) => [...before, text])
      .default([], 'none'),
    'Sampling:',
    option('--temperature <t>', '0 is always the most likely token', nonNegative, temperature),
    option('--greedy', 'the same as --temperature 0'),
    option('--top-k <n>', 'draw from the n most likely tokens; 0 is all', wholeNumber(0), topK),
    option('--top-p <share>', 'draw from the most likely tokens of this share together', fraction, topP),
    option('--min-p <share>', "leave out tokens below this share of the most likely one's", fraction, minP),
    option('--repeat-penalty <x>', '1 is none', positiveNumber, repeatPenalty),
    option('--repeat-last <n>', 'tokens back that the penalty looks at', wholeNumber(0), repeatLast),
    option(
      '--seed <n>',
      'for the same reply again (default: a new one each time)',
      wholeNumber(0, MOST_SEED),
    ),
    'Engine:',
    SHARED.threads(
      "threads, or auto to find the fastest for prompt and reply first (default: llama.cpp's choice)",
    ),
    SHARED.gpu(),
    SHARED.gpuLayers(),
    option('--cache-type <type>', 'of keys and values').choices(COMMON_CACHE_TYPES).default(cacheType),
    SHARED.timeout(),
    'Output:',
    option('--trace', 'show tokenization, evaluation, sampling and detokenization with their times'),
    option('--candidates <n>', 'most likely tokens at each step of the trace', positive, candidates),
    SHARED.json('print the reply, its timings and the trace as JSON (schema/run.json)'),
    SHARED.yes(),
    SHARED.quiet('nothing on stderr'),
  ],
  preface:
    '\nIn a chat:\n' +
    '  /help                 what it understands\n' +
    '  /set temperature 0.2  change the sampling; /set alone shows it\n' +
    '  /undo, /retry, /clear go back a turn, ask again, begin again\n' +
    '  Ctrl-C                stop the reply; at the prompt, leave\n',
  examples: [
    'run nano:Q4_K_M                               a chat',
    'run nano:Q4_K_M "What is 3 plus 4?" --greedy',
    'run nano:Q8_0 "What is 3 plus 4?" --trace     how each token was chosen',
    'cat letter.txt | quantscope run phi3:Q4_K_M - --system "Summarize in one sentence."',
    'run model.gguf "Hello" --json | jq .timings',
  ],
  exitCode: '0 done, 2 wrong use, a model that does not load or no engine, 130 interrupted.',
  run: async ({ signal }, ref: string, prompt: string[], options: RunOptions) =>
    (await import('./run.ts')).runModel(ref, prompt.join(' '), options, signal),
});

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
