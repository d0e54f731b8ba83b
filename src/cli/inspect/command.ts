import { InvalidArgumentError } from 'commander';
import { define, option } from '../define.ts';
import { wholeNumber } from '../options.ts';
import type { InspectOptions } from './run.ts';

export const inspectCommand = define({
  name: 'inspect',
  description:
    'Reads the header of a GGUF file and prints what it says: the model, the sections of the file, which type ' +
    'every layer and role is stored in, and the memory it is going to take. No weight is loaded or downloaded: ' +
    'a remote file is read by range requests. The first shard of a model in several files stands for the ' +
    'whole, a later one for itself.\n' +
    'A ref is a file, a folder with one model, an https:// address, hf:owner/repo[@revision][:QUANT|/file.gguf], ollama:name[:tag], ' +
    'a name of the catalogue (phi3:Q4_K_M) or nano:QUANT.',
  arguments: { '<refs...>': 'the models to look into, one page for each' },
  options: [
    option('-c, --context <sizes>', 'context sizes to estimate memory for, separated by commas')
      .argParser(sizes)
      .default([], 'up to the model’s own'),
    option('--plan', 'ask llama.cpp what each context would take, instead of the formulas'),
    'Instead of the page (several may be combined):',
    option('--metadata', 'every key with its type and value'),
    option('--tensors', 'every tensor with type, shape, offset and size'),
    option('--layers', 'size and types of each layer'),
    option('--key <name>', 'one value of the metadata, whole'),
    option('--vocab', 'every token with id, type and score'),
    option('--template', 'the chat template'),
    option('--diffable', 'all metadata and tensors, one fact a line, in a stable order'),
    option('--json', 'everything as JSON (schema/inspection.json)'),
    option('--ndjson', 'the same on one line for each model, schema/error.json for one that cannot be read'),
  ],
  examples: [
    'inspect nano:Q4_K_M',
    'inspect model.gguf --context 2048,4096',
    'inspect model.gguf --plan --context 8192',
    'inspect phi3:Q4_K_M',
    'inspect models/*.gguf --ndjson | jq -r "[.ref, .bytes] | @tsv"',
    'inspect hf:OWNER/REPO:Q8_0 --tensors',
    'inspect https://example.com/FILE-00001-of-00003.gguf',
    'inspect model.gguf --key tokenizer.ggml.tokens',
    'inspect imatrix.gguf',
    'diff <(quantscope inspect a.gguf --diffable) <(quantscope inspect b.gguf --diffable)',
    'inspect model.gguf --json | jq .quantization.byType',
  ],
  exitCode: '0 done, 1 a file is not valid GGUF, 2 wrong use or no such file.',
  run: async ({ signal }, refs: string[], options: InspectOptions) =>
    (await import('./run.ts')).runInspect(refs, options, signal),
});

function sizes(text: string): number[] {
  const parsed = text.split(',').map((word) => wholeNumber(1)(word.trim()));
  if (parsed.some((size) => size > LARGEST_CONTEXT)) {
    throw new InvalidArgumentError(
      `A context has at most ${LARGEST_CONTEXT.toLocaleString('en-US')} tokens.`,
    );
  }
  return [...new Set(parsed)];
}

/** llama.cpp counts a context in 32 bits. */
const LARGEST_CONTEXT = 2 ** 31 - 1;
