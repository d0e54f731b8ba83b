import { MIX_DEFAULTS } from '../../api/mix/request.ts';
import { define, option } from '../define.ts';
import { fileSize, names, positiveNumber, threadCount, tokenCount, wholeNumber } from '../options.ts';
import { SHARED } from '../shared-options.ts';
import type { MixOptions } from './run.ts';

const { like, context: contextSize, timeout } = MIX_DEFAULTS;

export const mixCommand = define({
  name: 'mix',
  description:
    'Measures what each tensor of a model (of large models, each role in a block of layers) loses at the types that ' +
    'it can have, chooses those that lose least within a size, or take least within a loss, writes the file, and ' +
    'measures it beside the stock recipes of about its size on text that the choice did not see. Where it is no ' +
    'better by more than the error, nothing is written.\n\n' +
    'Tensors are changed in memory, as a file of those types would have them. Squared errors of the weights rank ' +
    'types; losses are measured where they decide, and every one is kept at once beside the file.',
  arguments: { '<source>': 'a model in F32, F16 or BF16: a file or any other ref' },
  options: [
    'What is wanted, one of:',
    option(
      '--like <recipe>',
      `no larger than what this recipe makes, and compared with it (default: ${like})`,
    ),
    option('--size <size>', 'no larger than this, such as 1.8GB', fileSize),
    option('--bits <n>', 'no more bits a weight, such as 4.0', positiveNumber),
    option('--max-kld <nats>', 'the smallest whose mean KL divergence is no more', positiveNumber),
    'Phone:',
    option('--device <name>', 'only types that this phone runs fast, within what it gives an app: see fit'),
    option('--min-tps <n>', 'tokens a second that it must generate, as predicted', positiveNumber),
    option('--types <types>', 'choose among these tensor types, separated by commas (default: all)', names),
    'Choice:',
    option('--imatrix <file>', 'importance matrix, for the mix and the stock recipes alike'),
    option('--text <file>', 'the text that types are chosen on (default: by model)'),
    option('--chunks <n>', 'chunks of it (default: 2, of small models 12)', wholeNumber(2)),
    option('--test-text <file>', 'the text that the result is measured on (default: by model)'),
    option('--test-chunks <n>', 'chunks of that (default: 8, of small models 29)', wholeNumber(2)),
    option('--context <n>', 'tokens in a chunk', tokenCount(16), contextSize),
    option('-t, --threads <n>', "threads (default: llama.cpp's choice)", threadCount),
    option('--timeout <seconds>', 'the longest any one step may take', positiveNumber, timeout),
    'Output:',
    SHARED.out('the file; its recipe goes beside it (default: NAME-mix-GOAL.gguf)'),
    option('-f, --force', 'replace files that are there'),
    option('--always', 'write a mix that is no better, too'),
    option('--html <file>', 'a page with the curve of loss against size, the stock recipes on it'),
    option('--resume', 'go on with the losses that a run before has kept beside the file'),
    option('--measured <files>', 'losses of other runs or shares, separated by commas', names),
    option(
      '--shard <i/n>',
      'measure one of n shares of the losses and choose nothing; --measured joins them',
    ),
    SHARED.json('print what was measured as JSON (schema/mix.json)'),
    SHARED.yes(),
    SHARED.quiet(),
  ],
  examples: [
    'mix nano:F16                               as large as Q4_K_M, of the embedded model',
    'mix model-F16.gguf --like Q2_K             what Q2_K could have been',
    'mix model-BF16.gguf --size 1.8GB --imatrix imatrix.gguf',
    'mix model-F16.gguf --max-kld 0.01          the smallest that loses no more',
    'mix model-F16.gguf --device galaxy-s23 --min-tps 10',
    'mix model-F16.gguf --shard 2/4             on the second of four machines; then',
    'mix model-F16.gguf --measured a.measured.jsonl,b.measured.jsonl',
  ],
  exitCode: '0 done, 1 the mix is no better, 2 wrong use or no engine, 130 interrupted.',
  run: async ({ signal }, source: string, options: MixOptions) =>
    (await import('./run.ts')).runMix(source, options, signal),
});
