import { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { CacheOptions } from './run.ts';

export function cacheCommand(context: CommandContext): Command {
  const command = new Command('cache')
    .description(
      'Looks after the cache that pull fills and that huggingface_hub and llama.cpp share, and the files that pull ' +
        'fetched from other addresses, and the files that compare --make made.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  quantscope cache                               what is there, and where\n' +
        '  quantscope cache verify phi3                   is it still what was downloaded\n' +
        '  quantscope cache remove phi3:Q8_0\n' +
        '  quantscope cache remove made                   all that compare --make made\n' +
        '  quantscope cache remove --partials             unfinished downloads\n',
    )
    .exitOverride();
  command
    .command('list', { isDefault: true })
    .description('the models in the cache, with their sizes and unfinished downloads')
    .option('--json', 'print the list as JSON')
    .exitOverride()
    .action(async (options: CacheOptions) => {
      const { runCacheList } = await import('./run.ts');
      context.done(await runCacheList(options, context.signal));
    });
  command
    .command('verify')
    .description('reads files whole and compares them with the hashes they are named by')
    .argument(
      '[repos...]',
      'owner/repo, hf:owner/repo[@revision][:QUANT | /file], an address, a name of the catalogue, or made[:FILE] (default: all)',
    )
    .option('--json', 'print the verdicts as JSON')
    .addHelpText('after', '\nExit code: 0 all are intact, 1 a file is damaged or cannot be read.\n')
    .exitOverride()
    .action(async (refs: string[], options: CacheOptions) => {
      const { runCacheVerify } = await import('./run.ts');
      context.done(await runCacheVerify(refs, options, context.signal));
    });
  command
    .command('remove')
    .description('removes models, or unfinished downloads with --partials')
    .argument(
      '[repos...]',
      'owner/repo, hf:owner/repo[@revision][:QUANT | /file], an address, a name of the catalogue, or made[:FILE]',
    )
    .option('--partials', 'only unfinished downloads (default: of all repositories)')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'print what was removed as JSON')
    .exitOverride()
    .action(async (refs: string[], options: CacheOptions) => {
      const { runCacheRemove } = await import('./run.ts');
      context.done(await runCacheRemove(refs, options, context.signal));
    });
  return command;
}
