import { Command, Option } from 'commander';
import { MIX_DEFAULTS } from '../../api/mix/request.ts';
import type { CommandContext } from '../command-context.ts';
import { fileSize, positiveNumber, wholeNumber } from '../options.ts';
import { addOptions, helpAfter, option, SHARED } from '../shared-options.ts';
import type { MixOptions } from './run.ts';

export function mixCommand(context: CommandContext): Command {
  const { like, context: contextSize, timeout } = MIX_DEFAULTS;
  const command = new Command('mix')
    .description(
      'Measures what each tensor of a model (of large models, each role in a block of layers) loses at each type that ' +
        'it can have, chooses the types that lose least within a size, writes the file, and measures it beside the stock ' +
        'recipe on text that the choice did not see. Where it is no better by more than the error, nothing is written.',
    )
    .argument('<source>', 'a model in F32, F16 or BF16: a file or any other ref');
  addOptions(command, 'Size:', [
    option('--like <recipe>', 'no larger than what this recipe makes, and compared with it', String, like),
    option('--size <size>', 'another size than that, such as 1.8GB', fileSize),
  ]);
  addOptions(command, 'Choice:', [
    option('--imatrix <file>', 'importance matrix, for the mix and the stock recipe alike', String),
    option('--text <file>', 'the text that types are chosen on (default: by model)', String),
    option('--chunks <n>', 'chunks of it (default: 2, of small models 8)', wholeNumber(2)),
    option('--test-text <file>', 'the text that the result is measured on (default: by model)', String),
    option('--test-chunks <n>', 'chunks of that (default: 8, of small models 29)', wholeNumber(2)),
    option('--context <n>', 'tokens in a chunk', wholeNumber(16), contextSize),
    option('-t, --threads <n>', "threads (default: llama.cpp's choice)", wholeNumber(1)),
    option('--timeout <seconds>', 'the longest any one step may take', positiveNumber, timeout),
  ]);
  addOptions(command, 'Output:', [
    option('-o, --out <file>', 'the file; its recipe goes beside it (default: NAME-mix-RECIPE.gguf)', String),
    new Option('-f, --force', 'replace files that are there'),
    new Option('--always', 'write a mix that is no better, too'),
    SHARED.json('print what was measured as JSON (schema/mix.json)'),
    SHARED.yes(),
    SHARED.quiet(),
  ]);
  return command
    .addHelpText(
      'after',
      helpAfter(
        [
          'mix nano:F16                               as large as Q4_K_M, of the embedded model',
          'mix model-F16.gguf --like Q2_K             what Q2_K could have been',
          'mix model-BF16.gguf --size 1.8GB --imatrix imatrix.gguf',
        ],
        '0 done, 1 the mix is no better, 2 wrong use or no engine, 130 interrupted.',
      ),
    )
    .action(async (source: string, options: MixOptions) => {
      const { runMix } = await import('./run.ts');
      context.done(await runMix(source, options, context.signal));
    });
}
