import { InvalidArgumentError } from 'commander';
import { define, option } from '../define.ts';
import { wholeNumber } from '../options.ts';
import type { DiffOptions } from './run.ts';

export const diffCommand = define({
  name: 'diff',
  description:
    'Says what differs between two GGUF files: keys and values of the metadata, tensors that one of them lacks, ' +
    'types and shapes, and how far the weights of b are from those of a, tensor by tensor, both dequantized. ' +
    'Files are streamed, so that their size is no matter.\n' +
    'A ref is a file, a folder with one model, nano:QUANT, a hub ref such as hf:owner/repo:QUANT, or an address. What is ' +
    'not on this machine is downloaded for its weights; --metadata-only reads its header where it is.',
  arguments: { '<a>': 'the reference', '<b>': 'the file to compare with it' },
  options: [
    option('--metadata-only', 'headers alone: no weights are read and nothing is downloaded'),
    option('--top <n>', 'tensors to show, largest error first', wholeNumber(0), 12),
    option('--all', 'show all tensors and all keys'),
    option(
      '--fail-above <error>',
      'end with 1 where the total relative RMSE is above this: 0.02 or 2%',
      share,
    ),
    option('-y, --yes', 'do not ask before downloading more than 1 GB'),
    'Output:',
    option('--json', 'everything as JSON (schema/diff.json)'),
    option('-q, --quiet', 'no progress on stderr'),
  ],
  examples: [
    'diff nano:F16 nano:Q4_K_M',
    'diff model-F16.gguf model-Q4_K_M.gguf --all',
    'diff hf:owner/repo:Q4_K_M hf:owner/repo@v2:Q4_K_M --metadata-only',
    'diff model-F16.gguf model-Q8_0.gguf --fail-above 1%',
    'diff imatrix-short.gguf imatrix-long.gguf',
    'diff a.gguf b.gguf --json | jq .weights.total.relativeRmse',
  ],
  exitCode:
    '0 compared, 1 above --fail-above or a damaged file, 2 wrong use or a file that cannot be had,\n130 interrupted.',
  run: async ({ signal }, a: string, b: string, options: DiffOptions) =>
    (await import('./run.ts')).runDiff(a, b, options, signal),
});

/** A relative error: a fraction, or a percentage with its sign. It may be above 1. */
function share(text: string): number {
  const isPercentage = /%$/.test(text.trim());
  const digits = text.trim().replace(/\s*%$/, '');
  const value = Number(digits);
  if (digits === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('Give a relative error such as 0.02 or 2%.');
  }
  return isPercentage ? value / 100 : value;
}
