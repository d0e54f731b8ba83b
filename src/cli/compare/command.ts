import { Command, Option } from 'commander';
import { DEFAULT_LIMITS } from '../../measure/limits.ts';
import type { CommandContext } from '../command-context.ts';
import { addGateOptions, type GateOptions } from '../gate-options.ts';
import { layers, listOf, names, percentage, positiveNumber, threads, wholeNumber } from '../options.ts';

export interface CompareOptions extends GateOptions {
  reference?: string;
  only: ('size' | 'speed' | 'memory' | 'accuracy')[];
  quick?: boolean;
  text?: string;
  tasks?: string;
  chunks?: number;
  context: number;
  exact?: boolean;
  repetitions?: number;
  prompt: number;
  generate: number;
  depth: number;
  threads?: number | 'auto';
  gpu: 'auto' | 'off' | 'metal' | 'vulkan' | 'cuda';
  gpuLayers: number | 'max';
  seed: number;
  device: string[];
  phoneContext: number;
  maxKld: number;
  minSameTop: number;
  maxPerplexityIncrease: number;
  maxAccuracyDrop: number;
  timeout: number;
  json?: boolean;
  details?: boolean;
  quiet?: boolean;
  yes?: boolean;
  out?: string;
  html?: string;
  resume?: string;
  shard?: string;
}

export function compareCommand(context: CommandContext): Command {
  const positive = wholeNumber(1);
  const command = new Command('compare')
    .description(
      'Measures several GGUF files of one model side by side, each in a process of its own, by the methods of ' +
        'llama-bench and llama-perplexity, and recommends the smallest whose loss is within limits.\n\n' +
        'A ref is a file, a folder, hf:owner/repo:QUANT, a name of the catalogue (phi3, llama-3.2-1b, gemma-2b), or ' +
        'nano[:QUANT], the family that ships with the package (the default). What is on the Hub is pulled first.',
    )
    .argument('[refs...]', 'the files to compare (default: nano)')
    .option('--reference <name>', 'the variant to compare with, by name or ref (default: the most precise)')
    .addOption(
      new Option('--only <stages>', 'measure only these, separated by commas: size, speed, memory, accuracy')
        .argParser(listOf(['size', 'speed', 'memory', 'accuracy'] as const))
        .default(['size', 'speed', 'memory', 'accuracy'], 'all'),
    )
    .option('--quick', '2 repetitions, 8 chunks of text, 64 tasks: a first look')
    .optionsGroup('Accuracy:')
    .option('--text <file>', 'the text for perplexity and divergence (default: by model)')
    .option('--tasks <file>', 'the questions with checkable answers, JSON lines (default: by model)')
    .option('--chunks <n>', 'evaluate only the first n chunks of the text', wholeNumber(2))
    .option('--context <n>', 'tokens in a chunk, as llama-perplexity -c', wholeNumber(16), 512)
    .option('--exact', 'compare whole distributions whatever the vocabulary')
    .optionsGroup('Speed and memory:')
    .option('-r, --repetitions <n>', 'timed repetitions of each test (default: 5)', positive)
    .option('-p, --prompt <n>', 'tokens of the prompt test', positive, 512)
    .option('-n, --generate <n>', 'tokens of the generation tests', positive, 128)
    .option('-d, --depth <n>', 'tokens before generation at depth', positive, 512)
    .option(
      '-t, --threads <n>',
      "threads, or auto to find the fastest (default: llama.cpp's choice)",
      threads,
    )
    .addOption(
      new Option('--gpu <backend>', 'where to run')
        .choices(['auto', 'off', 'metal', 'vulkan', 'cuda'])
        .default('auto'),
    )
    .option('--gpu-layers <n>', 'layers to keep on the GPU, or max', layers, 'max')
    .option('--seed <n>', 'of the random tokens that speed is measured on', wholeNumber(0), 42)
    .option('--timeout <seconds>', 'the longest any one step may take', positiveNumber, 900)
    .optionsGroup('Phones:')
    .option(
      '--device <names>',
      'judge the variants on these phones too, separated by commas: see fit',
      names,
      [],
    )
    .option('--phone-context <n>', 'tokens of context there', positive, 2048)
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
    .option('--details', 'also print task accuracy by kind')
    .option('-o, --out <file>', 'keep the results there, rewritten after every figure')
    .option(
      '--shard <i/n>',
      'evaluate one of n shares of text and tasks; auto takes it from the CI job. report puts them together',
    )
    .option('--html <file>', 'also write a page for a browser: charts, tables, light and dark')
    .option('--resume <file>', 'measure only what is missing in these results, and complete them')
    .option('-y, --yes', 'do not ask before downloading more than 1 GB')
    .option('-q, --quiet', 'no progress on stderr');
  return addGateOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  quantscope compare                                   the embedded nano family\n' +
        '  quantscope compare models/phi3/ --quick              a first look at a folder\n' +
        '  quantscope compare a-F16.gguf a-Q4_K_M.gguf a-Q2_K.gguf --out phi3.json\n' +
        '  quantscope compare --resume phi3.json                go on where it was stopped\n' +
        '  quantscope compare models/ --only size               from the headers alone, no engine\n' +
        '  quantscope compare models/ --json | jq .recommendation\n' +
        '  quantscope compare models/ --fail-if "recommended.file.bytes > 1.5GB or any.tasks.accuracy < 80%"\n' +
        '\nExit code: 0 done, 1 a variant or a gate failed, 2 wrong use or no engine, 130 interrupted.\n',
    )
    .exitOverride()
    .action(async (refs: string[], options: CompareOptions) => {
      const { runCompare } = await import('./run.ts');
      context.done(await runCompare({ refs, options, signal: context.signal }));
    });
}

function percent(flags: string, description: string, fallback: number): Option {
  return new Option(flags, description).argParser(percentage).default(fallback, `${fallback * 100} %`);
}
