import { Command, Option } from 'commander';
import { DEFAULT_LIMITS } from '../../measure/limits.ts';
import type { CommandContext } from '../command-context.ts';
import { addGateOptions, type GateOptions } from '../gate-options.ts';
import { layers, listOf, percentage, positiveNumber, threads, wholeNumber } from '../options.ts';

const PARTS = ['text', 'tasks', 'choices'] as const;

export interface EvalOptions extends GateOptions {
  reference?: string;
  saveReference?: string;
  only: (typeof PARTS)[number][];
  quick?: boolean;
  text?: string;
  tasks?: string;
  choices?: string;
  chunks?: number;
  context: number;
  exact?: boolean;
  openai?: string;
  model?: string;
  keyEnv: string;
  concurrency: number;
  threads?: number | 'auto';
  batch: number;
  gpu: 'auto' | 'off' | 'metal' | 'vulkan' | 'cuda';
  gpuLayers: number | 'max';
  maxKld: number;
  minSameTop: number;
  maxPerplexityIncrease: number;
  maxAccuracyDrop: number;
  timeout: number;
  json?: boolean;
  quiet?: boolean;
  yes?: boolean;
  out?: string;
  resume?: string;
  shard?: string;
}

export function evalCommand(context: CommandContext): Command {
  const command = new Command('eval')
    .description(
      "Evaluates models by llama-perplexity's method: perplexity of a text, KL divergence of every prediction from a " +
        'reference, and the same questions to all of them, answered freely and by choice. Differences are judged ' +
        'on the same tokens and items, with their errors.\n\n' +
        'The reference is the most precise variant, another by name (--reference), or a file in which one was kept: ' +
        "--save-reference writes it, and llama-perplexity's --kl-divergence-base files are read too.",
    )
    .argument('[refs...]', 'the models (default: nano, or none with --openai)')
    .option('--reference <name or file>', 'a variant, or a file of kept scores')
    .option('--save-reference <file>', "keep the reference's scores, text and row there")
    .addOption(
      new Option('--only <parts>', `only these, separated by commas: ${PARTS.join(', ')}`)
        .argParser(listOf(PARTS))
        .default([...PARTS], 'all'),
    )
    .option('--quick', '8 chunks of text, 64 tasks and choices: a first look')
    .optionsGroup('What is asked:')
    .option('--text <file>', 'the text for perplexity and divergence (default: by model)')
    .option('--tasks <file>', 'questions with checkable answers, JSON lines (default: by model)')
    .option('--choices <file>', 'multiple choice, JSON lines (default: made of the tasks)')
    .option('--chunks <n>', 'evaluate only the first n chunks of the text', wholeNumber(2))
    .option('-c, --context <n>', 'tokens in a chunk, as llama-perplexity -c', wholeNumber(16), 512)
    .option('--exact', 'compare whole distributions whatever the vocabulary')
    .optionsGroup('An endpoint to stand beside them:')
    .option('--openai <url>', 'an OpenAI-compatible server, up to /v1: it is asked the same tasks')
    .option('--model <name>', "the model's name there")
    .option('--key-env <variable>', 'the environment variable with the key', 'OPENAI_API_KEY')
    .option('--concurrency <n>', 'requests at once', wholeNumber(1), 4)
    .optionsGroup('Engine:')
    .option('-t, --threads <n>', "threads, or auto (default: llama.cpp's choice)", threads)
    .option('-b, --batch <n>', 'tokens evaluated at once', wholeNumber(1), 512)
    .addOption(
      new Option('--gpu <backend>', 'where to run')
        .choices(['auto', 'off', 'metal', 'vulkan', 'cuda'])
        .default('auto'),
    )
    .option('--gpu-layers <n>', 'layers to keep on the GPU, or max', layers, 'max')
    .option('--timeout <seconds>', 'the longest any one step may take', positiveNumber, 900)
    .optionsGroup('Limits of the recommendation:')
    .option('--max-kld <nats>', 'mean KL divergence', positiveNumber, DEFAULT_LIMITS.maxMeanKld)
    .addOption(
      percent('--min-same-top <percent>', 'positions with the same top token', DEFAULT_LIMITS.minSameTop),
    )
    .addOption(
      percent(
        '--max-perplexity-increase <percent>',
        'over the reference',
        DEFAULT_LIMITS.maxPerplexityIncrease,
      ),
    )
    .addOption(
      percent('--max-accuracy-drop <percent>', 'points of task accuracy', DEFAULT_LIMITS.maxAccuracyDrop),
    )
    .optionsGroup('Output:')
    .option('--json', 'print the results as JSON (schema/results.json)')
    .option('-o, --out <file>', 'keep the results there, rewritten after every figure')
    .option(
      '--shard <i/n>',
      'evaluate one of n shares of text and tasks; auto takes it from the CI job. report puts them together',
    )
    .option('--resume <file>', 'evaluate only what is missing in these results, and complete them')
    .option('-y, --yes', 'do not ask before downloading more than 1 GB')
    .option('-q, --quiet', 'no progress on stderr');
  return addGateOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  quantscope eval nano                                            the embedded family against its F16\n' +
        '  quantscope eval phi3-F16.gguf --save-reference phi3.qsref       score the reference once\n' +
        '  quantscope eval phi3-Q4_K_M.gguf --reference phi3.qsref         compare with it, its model not needed\n' +
        '  quantscope eval a-Q8_0.gguf a-Q2_K.gguf --only text --exact     as llama-perplexity --kl-divergence\n' +
        '  quantscope eval a-Q4_K_M.gguf --reference base.kld              against a file of llama-perplexity\n' +
        '  quantscope eval phi3 --openai http://localhost:8080/v1 --model phi3-f16\n' +
        '\nExit code: 0 done, 1 a model, the endpoint or a gate failed, 2 wrong use or no engine, 130 interrupted.\n',
    )
    .exitOverride()
    .action(async (refs: string[], options: EvalOptions) => {
      const { runEval } = await import('./run.ts');
      context.done(await runEval({ refs, options, signal: context.signal }));
    });
}

function percent(flags: string, description: string, fallback: number): Option {
  return new Option(flags, description).argParser(percentage).default(fallback, `${fallback * 100} %`);
}
