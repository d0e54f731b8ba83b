import { Command, Option } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { names, wholeNumber } from '../options.ts';
import type { CardCheckOptions, CardOptions } from './run.ts';

export function cardCommand(context: CommandContext): Command {
  const command = new Command('card')
    .description(
      'Writes a model card in Markdown: what the file says of itself, how each layer is quantized, the memory it ' +
        'takes, how fast phones run it and what results measured. Every figure is marked as read, measured, estimated ' +
        'or predicted. card check finds the claims of a card and tests each against the file.',
    )
    .argument(
      '<ref or results.json>',
      'one model, or a results file of compare or eval (its recommended variant)',
    )
    .option('-o, --out <file>', 'write to this file instead of stdout')
    .option('-f, --force', 'replace the file')
    .option('-c, --context <n>', 'a further context size to estimate memory for', wholeNumber(1))
    .option('--results <file>', 'figures of this results file beside a ref')
    .option('-d, --device <names>', 'phones to tell the speed for, separated by commas', names, [])
    .option('--devices <file>', 'more phones, as JSON (schema/devices.json)')
    .option('-q, --quiet', 'nothing on stderr')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  quantscope card model.gguf --out CARD.md\n' +
        '  quantscope card results.json\n' +
        '  quantscope card hf:OWNER/REPO:Q4_K_M --device iphone-15,galaxy-s23\n' +
        '  quantscope card check CARD.md --model model.gguf\n' +
        '\nExit code: 0 done, 1 card check found a false claim or a contradiction, 2 wrong use or a file that cannot ' +
        'be read.\n',
    )
    .exitOverride()
    .action(async (ref: string, options: CardOptions) => {
      const { runCard } = await import('./run.ts');
      context.done(await runCard(ref, options, context.signal));
    });
  command
    .command('check')
    .description(
      'finds the claims of a model card, whoever wrote it, and tests each: sizes, bits by layer, context, memory, ' +
        'speed. What cannot be known is called not checkable, with the reason.',
    )
    .argument('<CARD.md>', 'the card')
    .option(
      '-m, --model <ref>',
      'the model it is of: a file, hf:owner/repo:QUANT, https://…; only its header is read',
    )
    .option('--results <file>', 'results with this or other quantizations of the model')
    .option('--devices <file>', 'more phones, as JSON (schema/devices.json)')
    .addOption(
      new Option('--json', 'print the verdicts as JSON (schema/card-check.json)').conflicts(['md', 'github']),
    )
    .addOption(new Option('--md', 'print them as Markdown').conflicts('github'))
    .option('--github', 'print what is wrong as annotations of GitHub Actions, at its lines')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  quantscope card check README.md --model model-Q4_K_M.gguf\n' +
        '  quantscope card check README.md --model hf:OWNER/REPO:Q4_K_M --results results.json\n' +
        '  quantscope card check README.md --model model.gguf --md >> $GITHUB_STEP_SUMMARY\n' +
        '\nA size holds if it is right in decimal (GB) or binary (GiB) units, rounded as it is written; ~ leaves 5 %.\n' +
        'Without --model only contradictions within the card are found.\n' +
        '\nExit code: 0 nothing is false, 1 a claim is false or the card contradicts itself, 2 wrong use or a file ' +
        'that cannot be read.\n',
    )
    .exitOverride()
    .action(async (path: string, _: CardCheckOptions, check: Command) => {
      const { runCardCheck } = await import('./run.ts');
      // The parent takes the options that both have.
      context.done(await runCardCheck(path, check.optsWithGlobals<CardCheckOptions>(), context.signal));
    });
  return command;
}
