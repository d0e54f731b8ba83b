import { define, option } from '../define.ts';
import { names, tokenCount } from '../options.ts';
import type { CardCheckOptions, CardOptions } from './run.ts';

const check = define({
  name: 'check',
  description:
    'finds the claims of any model card and tests each: sizes, bits by layer, context, memory, ' +
    'speed. What cannot be known is called not checkable, with the reason.',
  arguments: { '<CARD.md>': 'the card' },
  options: [
    option(
      '-m, --model <ref>',
      'the model it is of: a file, hf:owner/repo:QUANT, https://…; only its header is read',
    ),
    option('--results <file>', 'results with this or other quantizations of the model'),
    option('--devices <file>', 'more phones, as JSON (schema/devices.json)'),
    option('--json', 'print the verdicts as JSON (schema/card-check.json)').conflicts(['md', 'github']),
    option('--md', 'print them as Markdown').conflicts('github'),
    option('--github', 'print what is wrong as annotations of GitHub Actions, at its lines'),
  ],
  examples: [
    'card check README.md --model model-Q4_K_M.gguf',
    'card check README.md --model hf:OWNER/REPO:Q4_K_M --results results.json',
    'card check README.md --model model.gguf --md >> $GITHUB_STEP_SUMMARY',
  ],
  notes:
    '\nA size holds if it is right in decimal (GB) or binary (GiB) units, rounded as it is written; ~ leaves 5 %.\n' +
    'Without --model only contradictions within the card are found.\n',
  exitCode:
    '0 nothing is false, 1 a claim is false or the card contradicts itself, 2 wrong use or a file ' +
    'that cannot be read.',
  run: async ({ signal }, path: string, options: CardCheckOptions) =>
    (await import('./run.ts')).runCardCheck(path, options, signal),
});

export const cardCommand = define({
  name: 'card',
  description:
    'Writes a model card in Markdown: what the file says of itself, how each layer is quantized, the memory it ' +
    'takes, how fast phones run it and what results measured. Every number is marked as read, measured, estimated ' +
    'or predicted. card check finds the claims of a card and tests each against the file.',
  arguments: {
    '<ref or results.json>': 'one model, or a results file of compare or eval (its recommended variant)',
  },
  options: [
    option('-o, --out <file>', 'write to this file instead of stdout'),
    option('-f, --force', 'replace the file'),
    option('-c, --context <n>', 'a further context size to estimate memory for', tokenCount(1)),
    option('--results <file>', 'a results file, whose measurements stand beside what the file says'),
    option('--fetch', 'fetch the header of the model that a results file names, where it is not here'),
    option('-d, --device <names>', 'phones to tell the speed for, separated by commas', names, [], 'none'),
    option('--devices <file>', 'more phones, as JSON (schema/devices.json)'),
    option('-q, --quiet', 'nothing on stderr'),
  ],
  examples: [
    'card model.gguf --out CARD.md',
    'card results.json',
    'card hf:OWNER/REPO:Q4_K_M --device iphone-15,galaxy-s23',
    'card check CARD.md --model model.gguf',
  ],
  exitCode:
    '0 done, 1 card check found a false claim or a contradiction, 2 wrong use or a file that cannot ' +
    'be read.',
  subcommands: [check],
  run: async ({ signal }, ref: string, options: CardOptions) =>
    (await import('./run.ts')).runCard(ref, options, signal),
});
