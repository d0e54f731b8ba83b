import { Argument, Command, Option } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { ExitCode } from './exit.ts';

/** An option in one line: a switch, a text, or with a parser any value. */
export function option<Value>(
  flags: string,
  description: string,
  parse?: (text: string, before: Value) => Value,
  fallback?: Value,
  shownFallback?: string,
): Option {
  const made = new Option(flags, description);
  if (parse !== undefined) made.argParser(parse);
  return fallback === undefined ? made : made.default(fallback, shownFallback);
}

/** What help says of a command, and what it does. A module of these is loaded where its command is asked for. */
interface Definition<Words extends readonly unknown[]> {
  readonly name: string;
  readonly description: string;
  /** `<ref>`, `[refs...]`: what help says of each. */
  readonly arguments?: Readonly<Record<string, string | Choices>>;
  /** In the order of help; a text is the heading of those that follow. */
  readonly options?: readonly (Option | string)[];
  /** Flags that stand for others. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Before the examples, as it stands. */
  readonly preface?: string;
  /** With or without `quantscope` before them. */
  readonly examples?: readonly string[];
  /** Behind the examples, as it stands. */
  readonly notes?: string;
  readonly exitCode?: string;
  /** The first runs where none is named and the command does nothing by itself. */
  readonly subcommands?: readonly Defined[];
  /**
   * Imports the work and does it.
   * @param words the command's arguments, then its options
   */
  readonly run?: (context: RunContext, ...words: Words) => Promise<ExitCode>;
}

/** An argument that is one of some words. */
interface Choices {
  readonly text: string;
  readonly choices: readonly string[];
}

interface RunContext extends CommandContext {
  /** That all commands are of: it has the options of every one. */
  readonly program: Command;
}

type Defined = (context: CommandContext) => Command;

/** A command for commander, from its definition. */
export function define<Words extends readonly unknown[]>(definition: Definition<Words>): Defined {
  return (context) => commandOf(definition, context);
}

function commandOf<Words extends readonly unknown[]>(
  definition: Definition<Words>,
  context: CommandContext,
): Command {
  const { name, description, aliases = {}, options = [], subcommands = [], run } = definition;
  const command = new CommandWithAliases(name, aliases).description(description);
  for (const [words, about] of Object.entries(definition.arguments ?? {})) {
    if (typeof about === 'string') command.argument(words, about);
    else command.addArgument(new Argument(words, about.text).choices([...about.choices]));
  }
  for (const option of options) {
    if (typeof option === 'string') command.optionsGroup(option);
    else command.addOption(option);
  }
  for (const [index, subcommand] of subcommands.entries()) {
    command.addCommand(subcommand(context), { isDefault: run === undefined && index === 0 });
  }
  command.addHelpText('after', () => helpAfter(definition));
  if (run === undefined) return command;
  return command.action(async (...given: unknown[]) => {
    // Commander gives options and itself behind the arguments. A parent takes the options that both have.
    const [words, own] = [given.slice(0, -2), given.at(-2)];
    const isSubcommand = command.parent?.parent !== null;
    const all = [...words, isSubcommand ? command.optsWithGlobals() : own];
    // Definitions say by their parameters what commander gives them.
    context.done(await run({ ...context, program: rootOf(command) }, ...(all as unknown as Words)));
  });
}

class CommandWithAliases extends Command {
  readonly #aliases: Readonly<Record<string, string>>;

  constructor(name: string, aliases: Readonly<Record<string, string>>) {
    super(name);
    this.#aliases = aliases;
  }

  override parseOptions(argv: string[]) {
    return super.parseOptions(argv.map((argument) => this.#aliases[argument] ?? argument));
  }
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

function helpAfter({
  preface = '',
  examples = [],
  notes = '',
  exitCode = '',
}: Pick<Definition<[]>, 'preface' | 'examples' | 'notes' | 'exitCode'>): string {
  const lines = examples.map(
    (example) => `  ${example.includes('quantscope ') ? '' : 'quantscope '}${example}\n`,
  );
  return [
    preface,
    lines.length === 0 ? '' : `\nExamples:\n${lines.join('')}`,
    notes,
    exitCode === '' ? '' : `\nExit code: ${exitCode}\n`,
  ].join('');
}
