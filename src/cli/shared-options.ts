import type { Option } from 'commander';
import { ENGINE_DEFAULTS, LIMITS_DEFAULTS } from '../api/request.ts';
import { GPU_CHOICES, PREFERENCES } from '../schema/terms.ts';
import { option } from './define.ts';
import { collected } from './gate-options.ts';
import { layers, MOST_SEED, percentage, positiveNumber, threads, wholeNumber } from './options.ts';

/** Options that mean the same wherever they are. A command lists those that it has, and may say more of one. */
export const SHARED = {
  threads: (text = "threads, or auto to find the fastest (default: llama.cpp's choice)") =>
    option('-t, --threads <n>', text).argParser(threads),
  gpu: (text = 'where to run') =>
    option('--gpu <backend>', text).choices(GPU_CHOICES).default(ENGINE_DEFAULTS.gpu),
  gpuLayers: () =>
    option('--gpu-layers <n>', 'layers to keep on the GPU, or max', layers, ENGINE_DEFAULTS.gpuLayers),
  timeout: () =>
    option(
      '--timeout <seconds>',
      'the longest any one step may take',
      positiveNumber,
      ENGINE_DEFAULTS.timeout,
    ),
  noLock: () => option('--no-lock', 'do not wait for other processes that time something on this machine'),
  seed: (seed: number, text = 'of the random tokens that speed is measured on') =>
    option('--seed <n>', text, wholeNumber(0, MOST_SEED), seed),
  text: () => option('--text <file>', 'the text for perplexity and divergence (default: by model)'),
  texts: () =>
    option(
      '--text <[name=]file>',
      'the text for perplexity and divergence; several, or "domains", give a row each (default: by model)',
      collected,
    ),
  tasks: () =>
    option(
      '--tasks <file>',
      'questions with checkable answers, JSON lines, or GSM8K or IFEval; may be repeated (default: by model)',
      collected,
    ),
  untilDecided: () =>
    option(
      '--until-decided',
      "end a variant's text and tasks once its loss is in or out of the limits, wrong at most 5 times of 100",
    ),
  maxTime: () =>
    option(
      '--max-time <seconds>',
      'with --until-decided, of text and of tasks for a variant',
      positiveNumber,
    ),
  chunks: () => option('--chunks <n>', 'evaluate only the first n chunks of the text', wholeNumber(2)),
  json: (text: string) => option('--json', text),
  out: (text: string) => option('-o, --out <file>', text),
  shard: (what = 'evaluate one of n shares of text and tasks') =>
    option('--shard <i/n>', `${what}; auto takes it from the CI job. report puts them together`),
  fetch: () =>
    option('--fetch', 'with --resume and no refs, fetch the models that it names where they are not here'),
  yes: () => option('-y, --yes', 'do not ask before downloading more than 1 GB'),
  quiet: (text = 'no progress on stderr') => option('-q, --quiet', text),
} as const;

/** What a variant may lose and still be recommended. */
export function limitOptions(): readonly Option[] {
  const { maxKld, minSameTop, maxPerplexityIncrease, maxAccuracyDrop } = LIMITS_DEFAULTS;
  const percent = (flags: string, text: string, fraction: number) =>
    option(flags, text, percentage, fraction, `${fraction * 100} %`);
  return [
    option('--max-kld <nats>', 'mean KL divergence', positiveNumber, maxKld),
    percent('--min-same-top <percent>', 'positions with the same top token', minSameTop),
    percent('--max-perplexity-increase <percent>', 'over the reference', maxPerplexityIncrease),
    percent('--max-accuracy-drop <percent>', 'points of task accuracy', maxAccuracyDrop),
    option('--prefer <what>', 'which of the variants within the limits to recommend')
      .choices(PREFERENCES)
      .default('size'),
  ];
}
