import { Command, Option } from 'commander';
import { KIT_BACKENDS } from '../../api/kit/request.ts';
import { COMMON_CACHE_TYPES } from '../../schema/terms.ts';
import type { CommandContext } from '../command-context.ts';
import { wholeNumber } from '../options.ts';
import { helpAfter, SHARED } from '../shared-options.ts';
import type { KitCheckOptions, KitOptions } from './run.ts';

export function kitCommand(context: CommandContext): Command {
  const command = new Command('kit')
    .description(
      'Writes a folder for an app with llama.rn: llama-rn.ts with the parameters for the phone, each with its ' +
        'reason, and a benchmark to run there; golden.json, what the file answers here, token by token; and a README. ' +
        'kit check reads what the phone returned.',
    )
    .argument('<ref>', 'one model: a file, hf:owner/repo:QUANT, phi3:Q4_K_M, nano:Q4_K_M')
    .option('-d, --device <name>', 'the phone (quantscope fit --list-devices); without it, any phone’s CPU')
    .option(
      '-c, --context <n>',
      'tokens of context (default: as trained, at most 4096, less where it must)',
      wholeNumber(512),
    )
    .addOption(
      new Option('--cache-type <type>', 'of keys and values (default: f16, less where it must)').choices(
        COMMON_CACHE_TYPES,
      ),
    )
    .addOption(
      new Option('--backend <name>', 'what runs it on the phone (default: its fastest)').choices(
        KIT_BACKENDS,
      ),
    )
    .option('--devices <file>', 'more phones, as JSON (schema/devices.json)')
    .option('-o, --out <folder>', 'where to write', 'quantscope-kit')
    .option('-f, --force', 'replace a kit that is there')
    .option('-t, --threads <n>', "threads here (default: llama.cpp's choice)", wholeNumber(1))
    .addOption(SHARED.timeout())
    .addOption(SHARED.yes())
    .addOption(SHARED.quiet('nothing on stderr'))
    .addHelpText(
      'after',
      helpAfter(
        [
          'kit phi3:Q4_K_M --device iphone-13-pro --out app/src/llm',
          'kit model.gguf --device galaxy-s23 --backend cpu --context 2048',
          'kit check results.json --golden app/src/llm/golden.json',
        ],
        '0 done, 1 kit check found that the phone computes something else, 2 wrong use or a file that cannot be read.',
      ),
    )
    .action(async (ref: string, options: KitOptions) => {
      const { runKit } = await import('./run.ts');
      context.done(await runKit(ref, options, context.signal));
    });
  command
    .command('check')
    .description('compares what runQuantscopeKit returned on a phone with golden.json')
    .argument('<results.json>', 'what the app saved')
    .option(
      '-g, --golden <file>',
      'of the kit (default: golden.json beside the results, then in quantscope-kit)',
    )
    .option('--learn', 'keep the speed for fit, in devices.json of the config folder')
    .option(
      '-d, --device <name>',
      'with --learn: the phone it was (default: the one the kit was written for)',
    )
    .option('--devices <file>', 'with --learn: keep it in this file')
    .option('--json', 'print the comparison as JSON (schema/kit-check.json)')
    .addHelpText(
      'after',
      '\nExit code: 0 the phone computes the same, 1 it does not, 2 wrong use or files that do not belong together.\n',
    )
    .action(async (results: string, _: KitCheckOptions, check: Command) => {
      const { runKitCheck } = await import('./run.ts');
      // The parent takes the options that both have.
      context.done(await runKitCheck(results, check.optsWithGlobals<KitCheckOptions>(), context.signal));
    });
  return command;
}
