import { CONTEXT_DEFAULTS } from '../../api/context/request.ts';
import { CACHE_TYPES } from '../../schema/terms.ts';
import { numberList } from '../bench/lists.ts';
import { define, option } from '../define.ts';
import { gateOptions } from '../gate-options.ts';
import { fileSize, listOf, tokenCount, wholeNumber } from '../options.ts';
import { SHARED } from '../shared-options.ts';
import type { ContextOptions } from './run.ts';

const { cacheTypes, generate, repetitions, seed, chunks, evalContext } = CONTEXT_DEFAULTS;

export const contextCommand = define({
  name: 'context',
  description:
    'Measures one model at growing context sizes with several types of KV cache: estimated and measured memory, ' +
    'load time, the speed of reading a prompt that fills the context and of generating at its end, and what each ' +
    'type costs in accuracy against f16. Says the largest context within a budget and which setting to ship.',
  arguments: { '<ref>': 'a file, hf:owner/repo:QUANT, a catalogue name, or nano:QUANT' },
  options: [
    option(
      '--sizes <n>',
      "context sizes separated by commas (default: 512, 1024, ... up to the model's own; above 8192 estimated only)",
      numberList(16),
    ),
    option('--cache-types <types>', 'types of keys and values, separated by commas')
      .argParser(listOf(CACHE_TYPES))
      .default([...cacheTypes], cacheTypes.join(',')),
    option('--memory <size>', 'the budget, such as 3GB or 2.5GiB (default: what is free here)', fileSize),
    'Speed:',
    option('-n, --generate <n>', 'tokens generated at the end of the context', tokenCount(1), generate),
    option('-r, --repetitions <n>', 'timed repetitions of each size', wholeNumber(1), repetitions),
    SHARED.threads(),
    SHARED.gpu(),
    SHARED.gpuLayers(),
    SHARED.seed(seed),
    SHARED.timeout(),
    SHARED.noLock(),
    'Accuracy:',
    option('--no-accuracy', 'leave it out; then only f16 can be recommended'),
    SHARED.text(),
    option('--chunks <n>', 'evaluate at most the first n chunks of the text', wholeNumber(2), chunks),
    option(
      '--depths <n>',
      'contexts in which loss and hidden facts are measured, separated by commas (default: the sizes measured, from 2048 on)',
      numberList(1),
    ),
    option('--eval-context <n>', 'tokens in a chunk', tokenCount(16), evalContext),
    'Output:',
    SHARED.json('print the results as JSON (schema/context.json)'),
    SHARED.out('keep the results there, rewritten after every size'),
    SHARED.yes(),
    SHARED.quiet(),
    ...gateOptions(),
  ],
  examples: [
    'context nano:Q4_K_M                       the embedded model',
    'context model.gguf --memory 3GB           what an app may use',
    'context model.gguf --sizes 2048,4096 --cache-types f16,q8_0',
    'context model.gguf --fail-if "recommended.contextSize < 4096"',
    'context model.gguf --depths 4096,16384 --cache-types f16,q8_0,q4_0\n                                              loss and hidden facts when so many tokens are full',
    'context model.gguf --no-accuracy --json   memory and speed alone',
  ],
  exitCode: '0 done, 1 a size, a type or a gate failed, 2 wrong use or no engine, 130 interrupted.',
  run: async ({ signal }, ref: string, options: ContextOptions) =>
    (await import('./run.ts')).runContext(ref, options, signal),
});
