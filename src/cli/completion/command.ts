import { Argument, Command } from 'commander';
import type { ProgramContext } from '../command-context.ts';
import { SHELLS, type Shell } from './shells.ts';

export function completionCommand(context: ProgramContext): Command {
  return new Command('completion')
    .description(
      'Prints a script for a shell: it completes commands, options and their choices, names of the catalogue, phones, ' +
        'the embedded models and .gguf files. It is made of the same definitions as help; write it again after an ' +
        'update, or let the shell ask for it at its start.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices([...SHELLS]))
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  echo \'eval "$(quantscope completion bash)"\' >> ~/.bashrc\n' +
        '  echo \'eval "$(quantscope completion zsh)"\' >> ~/.zshrc          below compinit\n' +
        '  quantscope completion fish > ~/.config/fish/completions/quantscope.fish\n',
    )
    .exitOverride()
    .action(async (shell: Shell) => {
      const { runCompletion } = await import('./run.ts');
      context.done(await runCompletion(shell, context));
    });
}
