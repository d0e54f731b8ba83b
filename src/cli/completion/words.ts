import type { Argument, Command, Option } from 'commander';
import { choicesOf } from '../choices.ts';

/** What may stand in one place of a command line. */
export type Words =
  | { readonly kind: 'choices'; readonly choices: readonly string[]; readonly several: boolean }
  /** Names of the catalogue, the embedded family and .gguf files. */
  | { readonly kind: 'models' }
  | { readonly kind: 'devices' }
  | { readonly kind: 'files' }
  /** A number, a text: nothing can be offered. */
  | { readonly kind: 'unknown' };

export interface CompletedOption {
  readonly long: string;
  /** With its dash. */
  readonly short: string | undefined;
  readonly description: string;
  /** null for an option without a value. */
  readonly value: Words | null;
}

export interface CompletedCommand {
  /** Its name, behind that of the command it belongs to: `kit check`; empty for the program itself. */
  readonly path: string;
  readonly summary: string;
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly CompletedOption[];
  /** What its arguments are; null where it takes none. */
  readonly argument: Words | null;
}

/** Names that no definition holds. */
export interface Names {
  readonly models: readonly string[];
  readonly devices: readonly string[];
}

/** The commands with their options and arguments, from the definitions that help is made of. */
export function completedCommands(program: Command, path = ''): CompletedCommand[] {
  const help = program.createHelp();
  const subcommands = help.visibleCommands(program).map((command) => ({
    name: command.name(),
    summary: firstSentence(command.summary() || command.description()),
  }));
  const [argument] = program.registeredArguments;
  return [
    {
      path,
      summary: firstSentence(program.summary() || program.description()),
      subcommands,
      options: help.visibleOptions(program).flatMap(completedOption),
      argument: argument === undefined ? null : wordsOfArgument(argument),
    },
    ...program.commands.flatMap((command) => completedCommands(command, `${path} ${command.name()}`.trim())),
  ];
}

function completedOption(option: Option): CompletedOption[] {
  if (option.long === undefined) return [];
  const { long, short, description } = option;
  const value = option.required || option.optional ? wordsOfOption(option) : null;
  return [{ long, short, description: firstSentence(description), value }];
}

function wordsOfOption(option: Option): Words {
  const choices = choicesOf(option);
  if (choices !== undefined) return { kind: 'choices', choices, several: option.argChoices === undefined };
  if (option.long === '--device') return { kind: 'devices' };
  if (/<[^>]*(?:file|folder)/.test(option.flags)) return { kind: 'files' };
  return { kind: 'unknown' };
}

/** Arguments are told by their names in help. */
function wordsOfArgument(argument: Argument): Words {
  if (argument.argChoices !== undefined) {
    return { kind: 'choices', choices: argument.argChoices, several: false };
  }
  return /^(?:refs?|repos?|a)$/.test(argument.name()) ? { kind: 'models' } : { kind: 'files' };
}

/** Shells have a line for it. */
function firstSentence(text: string): string {
  const [line = ''] = text.split('\n');
  return line.split(/(?<=[a-z)])\. /)[0]?.replace(/\.$/, '') ?? line;
}
