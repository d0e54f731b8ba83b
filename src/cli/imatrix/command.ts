import { IMATRIX_DEFAULTS } from '../../api/imatrix/request.ts';
import { define, option } from '../define.ts';
import { threadCount, tokenCount, wholeNumber } from '../options.ts';
import { SHARED } from '../shared-options.ts';
import type { ImatrixOptions } from './run.ts';

const { context: contextSize, out } = IMATRIX_DEFAULTS;

export const imatrixCommand = define({
  name: 'imatrix',
  description:
    'Runs texts through a model and keeps how strongly each column of its weights is used, in the format of ' +
    'llama-imatrix and with its sums. quantize takes the file with --imatrix, as llama-quantize does.',
  arguments: {
    '<model>': 'the model, best in the precision that will be quantized: a file or any other ref',
  },
  options: [
    option('--text <files...>', 'plain texts (default: one that comes with quantscope, in many languages)'),
    'Evaluation:',
    option('--chunks <n>', 'the first n chunks of each text', wholeNumber(1)),
    option('--context <n>', 'tokens in a chunk, as llama-imatrix -c', tokenCount(16), contextSize),
    option('-t, --threads <n>', "threads (default: llama.cpp's choice)", threadCount),
    SHARED.gpu(),
    SHARED.gpuLayers(),
    SHARED.timeout(),
    'Output:',
    option('-o, --out <file>', 'the file, rewritten after every ten chunks', String, out),
    option('--resume', 'go on with the chunks that the file lacks'),
    option('-f, --force', 'replace a file that is there'),
    SHARED.json('print what was made as JSON (schema/imatrix.json)'),
    SHARED.yes(),
    SHARED.quiet(),
  ],
  examples: [
    'imatrix model-F16.gguf                        from the text that comes with quantscope',
    'imatrix model-F16.gguf --text chats.txt code.txt --out my.gguf',
    'imatrix model-F16.gguf --text book.txt --chunks 100 --resume',
    'quantize model-F16.gguf IQ3_XXS --imatrix imatrix.gguf',
  ],
  exitCode: '0 done, 2 wrong use or no engine, 130 interrupted.',
  run: async ({ signal }, model: string, options: ImatrixOptions) =>
    (await import('./run.ts')).runImatrix(model, options, signal),
});
