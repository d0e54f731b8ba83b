import type { Command } from 'commander';
import { nearest } from '../util/nearest.ts';

/** What to type instead, where a ref stands in a command's place: `quantscope model.gguf`. */
function modelHint([word = '']: readonly string[]): string {
  const isRef = /\.gguf$|^hf:|^https?:|^nano(?::|$)|[\\/]/i.test(word);
  return isRef ? `hint: "${word}" is a model. What is in it: quantscope inspect ${word}\n` : '';
}

/** Commander takes a misspelt subcommand of a command with a default one for an argument too many. */
function subcommandHint([name, ...rest]: readonly string[], program: Command): string {
  const subcommands = program.commands.find((command) => command.name() === name)?.commands ?? [];
  const names = subcommands.map((command) => command.name());
  for (const word of rest) {
    const meant = names.includes(word) ? undefined : nearest(word, names);
    if (meant !== undefined) return `(Did you mean ${meant}?)\n`;
  }
  return '';
}

/** A line to add to what commander says of wrong arguments; empty where it says enough. */
export function argumentHint(code: string, argv: readonly string[], program: Command): string {
  const words = argv.filter((argument) => !argument.startsWith('-'));
  switch (code) {
    case 'commander.unknownCommand':
      return modelHint(words);
    case 'commander.excessArguments':
      return subcommandHint(words, program);
    default:
      return '';
  }
}
