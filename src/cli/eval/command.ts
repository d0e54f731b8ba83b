import { EVALUATE_DEFAULTS } from '../../api/evaluate/request.ts';
import { EVALUATION_PARTS } from '../../schema/terms.ts';
import { define, option } from '../define.ts';
import { collected, gateOptions } from '../gate-options.ts';
import { listOf, tokenCount, wholeNumber } from '../options.ts';
import { limitOptions, SHARED } from '../shared-options.ts';
import type { EvalOptions } from './run.ts';

const { only, context: contextSize, keyEnv, concurrency, batch } = EVALUATE_DEFAULTS;

export const evalCommand = define({
  name: 'eval',
  description:
    "Evaluates models by llama-perplexity's method: perplexity of a text, KL divergence of every prediction from a " +
    'reference, and the same questions to all of them, answered freely and by choice. Differences are judged ' +
    'on the same tokens and items, with their errors.\n\n' +
    'The reference is the most precise variant, another by name (--reference), or a file in which one was kept: ' +
    '--save-reference writes it, exactly or, to a name that ends in .kld, as llama-perplexity ' +
    '--kl-divergence-base does; files of either program serve the other.',
  arguments: { '[refs...]': 'the models (default: nano, or none with --openai)' },
  options: [
    option('--reference <name or file>', 'a variant, or a file of kept scores'),
    option('--save-reference <file>', "keep the reference's scores, text and row there"),
    option('--only <parts>', `only these, separated by commas: ${EVALUATION_PARTS.join(', ')}`)
      .argParser(listOf(EVALUATION_PARTS))
      .default([...only], 'all but tools'),
    option('--quick', '8 chunks of text, 64 tasks and choices: a first look'),
    'What is asked:',
    SHARED.texts(),
    SHARED.tasks(),
    option(
      '--choices <file>',
      'multiple choice, also as HellaSwag, ARC, MMLU or WinoGrande are published or as llama-perplexity reads them; ' +
        'may be repeated (default: made of the tasks)',
      collected,
    ),
    option(
      '--tools <file>',
      "calls of tools, asked besides; may be repeated (default with --only tools: the package's own)",
      collected,
    ),
    option('--grammar', "ask for these calls once more, under llama.cpp's grammar for the tools"),
    option('--few-shot <n>', 'worked examples before each of these questions', wholeNumber(1)),
    option(
      '--few-shot-from <file>',
      'where they are from (default: the first questions, which are then not asked)',
    ),
    option('--template <when>', 'put questions through the chat template; auto: all but those of benchmarks')
      .choices(['auto', 'on', 'off'])
      .default('auto'),
    option('--list-benchmarks', 'list the benchmarks that are read and where to get them'),
    SHARED.chunks(),
    SHARED.untilDecided(),
    SHARED.maxTime(),
    option('-c, --context <n>', 'tokens in a chunk, as llama-perplexity -c', tokenCount(16), contextSize),
    'An endpoint to compare with:',
    option('--openai <url>', 'an OpenAI-compatible server, up to /v1: it is asked the same tasks'),
    option('--model <name>', "the model's name there"),
    option('--key-env <variable>', 'the environment variable with the key').default(keyEnv),
    option('--concurrency <n>', 'requests at once', wholeNumber(1), concurrency),
    'Engine:',
    SHARED.threads("threads, or auto (default: llama.cpp's choice)"),
    option('-b, --batch <n>', 'tokens evaluated at once', tokenCount(1), batch),
    SHARED.gpu(),
    SHARED.gpuLayers(),
    SHARED.timeout(),
    'Limits of the recommendation:',
    ...limitOptions(),
    'Output:',
    SHARED.json('print the results as JSON (schema/results.json)'),
    SHARED.out('keep the results there, rewritten after every measurement'),
    SHARED.shard(),
    option('--resume <file>', 'evaluate only what is missing in these results, and complete them'),
    SHARED.fetch(),
    SHARED.yes(),
    SHARED.quiet(),
    ...gateOptions(),
  ],
  examples: [
    'eval nano                                            the embedded family against its F16',
    'eval phi3-F16.gguf --save-reference phi3.qsref       score the reference once',
    'eval phi3-Q4_K_M.gguf --reference phi3.qsref         compare with it, its model not needed',
    'eval a-Q8_0.gguf a-Q2_K.gguf --only text             as llama-perplexity --kl-divergence',
    'eval a-Q4_K_M.gguf --reference base.kld              against a file of llama-perplexity',
    'eval a-F16.gguf --save-reference base.kld            a file that llama-perplexity reads',
    'eval a-Q4_K_M.gguf --only choices --choices hellaswag_val.jsonl',
    'eval a-Q4_K_M.gguf --only choices --choices mmlu-test.jsonl --few-shot 5 --few-shot-from mmlu-dev.jsonl',
    'eval a-F16.gguf a-Q4_K_M.gguf --only tools --grammar  tool calls: parsable, right tool, right arguments',
    'eval phi3 --openai http://localhost:8080/v1 --model phi3-f16',
  ],
  exitCode: '0 done, 1 a model, the endpoint or a gate failed, 2 wrong use or no engine, 130 interrupted.',
  run: async ({ signal }, refs: string[], options: EvalOptions) =>
    options.listBenchmarks === true
      ? (await import('./benchmarks.ts')).runListBenchmarks()
      : (await import('./run.ts')).runEval(refs, options, signal),
});
