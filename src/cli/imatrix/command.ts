import { Command, Option } from 'commander';
import { IMATRIX_DEFAULTS } from '../../api/imatrix/request.ts';
import type { CommandContext } from '../command-context.ts';
import { wholeNumber } from '../options.ts';
import { addOptions, helpAfter, option, SHARED } from '../shared-options.ts';
import type { ImatrixOptions } from './run.ts';

export function imatrixCommand(context: CommandContext): Command {
  const { context: contextSize, out } = IMATRIX_DEFAULTS;
  const command = new Command('imatrix')
    .description(
      'Runs texts through a model and keeps how strongly each column of its weights is used, in the format of ' +
        'llama-imatrix and with its sums. quantize takes the file with --imatrix, as llama-quantize does.',
    )
    .argument('<model>', 'the model, best in the precision that will be quantized: a file or any other ref')
    .option('--text <files...>', 'plain texts (default: one that comes with quantscope, in many languages)');
  addOptions(command, 'Evaluation:', [
    option('--chunks <n>', 'the first n chunks of each text', wholeNumber(1)),
    option('--context <n>', 'tokens in a chunk, as llama-imatrix -c', wholeNumber(16), contextSize),
    option('-t, --threads <n>', "threads (default: llama.cpp's choice)", wholeNumber(1)),
    SHARED.gpu(),
    SHARED.gpuLayers(),
    SHARED.timeout(),
  ]);
  addOptions(command, 'Output:', [
    option('-o, --out <file>', 'the file, rewritten after every ten chunks', String, out),
    new Option('--resume', 'go on with the chunks that the file lacks'),
    new Option('-f, --force', 'replace a file that is there'),
    SHARED.json('print what was made as JSON (schema/imatrix.json)'),
    SHARED.yes(),
    SHARED.quiet(),
  ]);
  return command
    .addHelpText(
      'after',
      helpAfter(
        [
          'imatrix model-F16.gguf                        from the text that comes with quantscope',
          'imatrix model-F16.gguf --text chats.txt code.txt --out my.gguf',
          'imatrix model-F16.gguf --text book.txt --chunks 100 --resume',
          'quantize model-F16.gguf IQ3_XXS --imatrix imatrix.gguf',
        ],
        '0 done, 2 wrong use or no engine, 130 interrupted.',
      ),
    )
    .action(async (model: string, options: ImatrixOptions) => {
      const { runImatrix } = await import('./run.ts');
      context.done(await runImatrix(model, options, context.signal));
    });
}
