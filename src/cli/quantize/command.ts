import { QUANTIZE_DEFAULTS } from '../../api/quantize/request.ts';
import { define, option } from '../define.ts';
import { positiveNumber, threadCount } from '../options.ts';
import { SHARED } from '../shared-options.ts';
import type { QuantizeOptions } from './run.ts';

export const quantizeCommand = define({
  name: 'quantize',
  description:
    "Writes a model in llama-quantize's recipes, byte for byte as that tool does, with its options under its names. " +
    'What cannot work is said before anything is written: a recipe that needs an importance matrix, a source that ' +
    'is quantized already, too little space. A file gets its name when it is whole.',
  arguments: {
    '[source]': 'a model in F32, F16 or BF16: a file, a first shard, or any other ref',
    '[recipes...]': 'such as Q8_0 Q4_K_M Q2_K; --list names all',
  },
  options: [
    'Recipe:',
    option('--imatrix <file>', 'importance matrix, in GGUF or the format before it', String),
    option(
      '--tensor-type <pattern=type>',
      'the type of tensors whose name the pattern finds; may be repeated',
      collect,
    ),
    option('--tensor-type-file <file>', 'a file of such rules', String),
    option('--output-tensor-type <type>', 'the type of output.weight', String),
    option('--token-embedding-type <type>', 'the type of the token embedding', String),
    option('--leave-output-tensor', 'leave output.weight as it is'),
    option('--pure', "the recipe's own type for every matrix"),
    option('--keep-split', 'as many shards as the source has'),
    option('--override-kv <key=type:value>', "metadata in place of the source's; may be repeated", collect),
    option('--allow-requantize', 'take a source that is quantized already: what is made loses twice'),
    'Output:',
    option(
      '-o, --out <path>',
      'a folder, or a .gguf file for one recipe (default: beside the source)',
      String,
    ),
    option('-f, --force', 'replace files that are there'),
    option('--dry-run', 'sizes, types and fallbacks, without writing'),
    option('--list', 'print the recipes'),
    option('-t, --threads <n>', 'threads (default: all cores)', threadCount),
    option(
      '--timeout <seconds>',
      'the longest any one tensor may take',
      positiveNumber,
      QUANTIZE_DEFAULTS.timeout,
    ),
    'Progress:',
    SHARED.json('print what was made as JSON (schema/quantize.json)'),
    SHARED.yes(),
    SHARED.quiet(),
  ],
  examples: [
    'quantize phi3-F16.gguf Q8_0 Q4_K_M Q2_K     three variants beside the source',
    'quantize nano:F16 Q4_K_M --out /tmp          of the embedded model',
    'quantize model-F16.gguf Q4_K_M --dry-run     how large it will be, and which tensors fall back',
    'quantize model-BF16.gguf IQ3_XXS --imatrix imatrix.gguf',
    'quantize model-F16.gguf Q4_K_M --tensor-type attn_v=q6_k --token-embedding-type q8_0',
  ],
  exitCode: '0 done, 2 wrong use or a source that cannot be quantized, 130 interrupted.',
  run: async ({ signal }, source: string | undefined, recipes: string[], options: QuantizeOptions) =>
    (await import('./run.ts')).runQuantize(source, recipes, options, signal),
});

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
