import { define } from '../define.ts';
import { SHELLS, type Shell } from './shells.ts';

export const completionCommand = define({
  name: 'completion',
  description:
    'Prints a script for a shell: it completes commands, options and their choices, names of the catalogue, phones, ' +
    'the embedded models and .gguf files. It is made of the same definitions as help; write it again after an ' +
    'update, or let the shell ask for it at its start.',
  arguments: { '<shell>': { text: 'the shell', choices: SHELLS } },
  examples: [
    'echo \'eval "$(quantscope completion bash)"\' >> ~/.bashrc',
    'echo \'eval "$(quantscope completion zsh)"\' >> ~/.zshrc          below compinit',
    'completion fish > ~/.config/fish/completions/quantscope.fish',
  ],
  run: async (context, shell: Shell) => (await import('./run.ts')).runCompletion(shell, context),
});
