import { InvalidArgumentError } from 'commander';
import { PULL_DEFAULTS } from '../../api/pull/request.ts';
import { define, option } from '../define.ts';
import { positiveNumber, wholeNumber } from '../options.ts';
import type { PullOptions } from './run.ts';

export const pullCommand = define({
  name: 'pull',
  description:
    'Downloads models from the Hub into the cache that huggingface_hub and llama.cpp use, checks the SHA-256 ' +
    'of every byte before a file gets its name, and goes on where an earlier attempt stopped. ' +
    'Prints the path of each file. A ref is hf:owner/repo[@revision][:QUANT | /file.gguf], a name of the ' +
    'catalogue (phi3, llama-3.2-1b, gemma-2b, each with an optional :QUANT), or the address of a .gguf file ' +
    'anywhere, which is kept in a folder of its own; #sha256=HEX behind it is checked.',
  arguments: { '<refs...>': 'what to download' },
  options: [
    option('--dry-run', 'say what would be downloaded, and download nothing'),
    option('-y, --yes', 'do not ask before more than 1 GB (asked on a terminal only)'),
    option('--files <n>', 'files at once', wholeNumber(1), PULL_DEFAULTS.files),
    option(
      '--connections <n>',
      'connections for each file, or auto: more as long as that is faster',
      connections,
      PULL_DEFAULTS.connections,
    ),
    option(
      '--timeout <seconds>',
      'ask again when a server sends nothing for so long',
      positiveNumber,
      PULL_DEFAULTS.timeout,
    ),
    option('--json', 'print the files as JSON'),
    option('-q, --quiet', 'no progress on stderr'),
  ],
  preface:
    '\nEnvironment: HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE, QUANTSCOPE_CATALOGUE.\n',
  examples: [
    'pull phi3                                     Q2_K, Q4_K_M and Q8_0 of Phi-3-mini',
    'pull hf:bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M',
    'pull phi3 --dry-run                           what that would download',
  ],
  exitCode: '0 all files are in the cache, 2 not, 130 interrupted; what was received is used next time.',
  run: async ({ signal }, refs: string[], options: PullOptions) =>
    (await import('./run.ts')).runPull(refs, options, signal),
});

function connections(text: string): number | 'auto' {
  if (text === 'auto') return text;
  const count = wholeNumber(1)(text);
  if (count > 16) throw new InvalidArgumentError('Give at most 16, or auto.');
  return count;
}
