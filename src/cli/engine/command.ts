import { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { helpAfter, SHARED } from '../shared-options.ts';
import type { EngineBuildOptions, EngineOptions } from './run.ts';

export function engineCommand(context: CommandContext): Command {
  const command = new Command('engine')
    .description(
      'llama.cpp comes from npm as binaries for many machines. Compiled here, from the source that comes with them and ' +
        'without a network, it uses this very CPU and OpenMP. Sessions then take the local build by themselves; ' +
        'QUANTSCOPE_ENGINE=prebuilt or local says otherwise for one run, and every result names the build that ran.',
    )
    .addHelpText(
      'after',
      helpAfter([
        'engine                              the builds, and which is in use',
        'engine build                        compile one for this CPU',
        'engine build --gpu vulkan',
        'QUANTSCOPE_ENGINE=prebuilt quantscope bench nano',
      ]),
    );
  command
    .command('list', { isDefault: true })
    .description('the builds, each started once, and which of them sessions take')
    .option('--json', 'print them as JSON')
    .addHelpText('after', '\nExit code: 0 an engine starts, 2 none does.\n')
    .action(async (options: EngineOptions) => {
      const { runEngineList } = await import('./run.ts');
      context.done(await runEngineList(options, context.signal));
    });
  command
    .command('build')
    .description(
      'compiles llama.cpp here: some minutes, with git, cmake, make and a C++ compiler (and the SDK of the GPU). It ' +
        'lies inside node_modules and is gone when node-llama-cpp is installed again. A build made before is replaced.',
    )
    .addOption(SHARED.gpu('the backend to build; auto is the best this machine has the tools for'))
    .option('--verbose', 'show all that cmake and the compiler say')
    .option('--json', 'print the build as JSON')
    .addOption(SHARED.quiet())
    .action(async (options: EngineBuildOptions) => {
      const { runEngineBuild } = await import('./run.ts');
      context.done(await runEngineBuild(options, context.signal));
    });
  command
    .command('remove')
    .description(
      'removes the local builds and the source unpacked for them: sessions take the prebuilt again',
    )
    .option('--json', 'print what was removed as JSON')
    .action(async (options: EngineOptions) => {
      const { runEngineRemove } = await import('./run.ts');
      context.done(await runEngineRemove(options));
    });
  return command;
}
