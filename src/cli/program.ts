import { Command, Help } from 'commander';
import { packageVersion } from '../util/package-files.ts';
import type { CommandContext } from './command-context.ts';
import { COMMANDS, type CommandEntry } from './commands.ts';
import { ENVIRONMENT } from './environment.ts';

const HELP_WIDTH = 100;

/** What `quantscope` says when it is asked nothing. */
export const FIRST_STEPS = `Before a quantized model goes into a phone app:

  quantscope inspect model.gguf                  what is in it
  quantscope validate model.gguf                 can it be trusted
  quantscope compare                             what each quantization costs and loses (offline, a minute)
  quantscope fit phi3 --device iphone-13-pro     will it fit on that phone, and how fast will it be
  quantscope kit phi3:Q4_K_M --out kit           what the app needs to run it

quantscope doctor tells what this machine can run, quantscope --help lists all commands.
`;

/** The program with every command whole: what completion, the config's schema and the docs are made of. */
export function wholeProgram(): Promise<Command> {
  const idle = { signal: new AbortController().signal, done: () => {}, definitions: wholeProgram };
  return programWith(idle, () => true);
}

/**
 * The program with what the command line can ask for: a command whose name stands in it is whole, of any other there is
 * what help lists. So help is instant, and a command's options are not built for another.
 */
export function programFor(argv: readonly string[], context: CommandContext): Promise<Command> {
  return programWith(context, ({ name }) => argv.includes(name));
}

async function programWith(
  context: CommandContext,
  isWhole: (entry: CommandEntry) => boolean,
): Promise<Command> {
  /** What help calls commands that are not whole. */
  const terms = new Map<Command, string>();
  const program = new Command('quantscope')
    .description(
      'Says what each quantization of a GGUF model costs in size, memory and speed,\n' +
        'what it loses in accuracy, and which one to ship.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--config <file>', 'defaults of options from this file (schema/config.json)')
    .option('--no-config', 'read no config file')
    .configureHelp({
      helpWidth: HELP_WIDTH,
      subcommandTerm: (command) => terms.get(command) ?? new Help().subcommandTerm(command),
    })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', helpAfter)
    .hook('preAction', async (_program, command) => {
      const { hasSettings } = await import('./config-settings.ts');
      if (!hasSettings(command)) return;
      const { applyConfig } = await import('./config.ts');
      await applyConfig(command, program, context.definitions);
    });
  for (const [heading, entries] of Object.entries(COMMANDS)) {
    program.commandsGroup(heading);
    for (const entry of entries) {
      const command = isWhole(entry) ? (await entry.load())(context) : new Command(entry.name);
      terms.set(command, [entry.name, entry.usage].join(' ').trimEnd());
      program.addCommand(withSettings(command.summary(entry.summary), program));
    }
  }
  // Last, so that it stands in the last group.
  return program.helpCommand('help [command]', 'print the help of a command');
}

/** Behind the list of commands. Made where help is asked for. */
function helpAfter(): string {
  return (
    '\nExamples:\n' +
    '  quantscope compare                          the embedded nano family, offline, in under a minute\n' +
    '  quantscope compare models/                  every .gguf file of a folder\n' +
    '  quantscope compare a-Q4_K_M.gguf a-Q8_0.gguf --quick\n' +
    '  quantscope compare --help                   all its options\n' +
    '  quantscope inspect model.gguf               what is in a file, before anything is run\n' +
    '\nDefaults of options: quantscope.config.json, .quantscoperc or .config/quantscope.json in this folder or\n' +
    'one above, "quantscope" in package.json, and config.json in the config folder (quantscope doctor names\n' +
    'them). A flag comes before the environment, then the project, then the user.\n' +
    '\nEnvironment:\n' +
    environmentList()
  );
}

/** In help's own layout. */
function environmentList(): string {
  const help = new Help();
  help.prepareContext({ helpWidth: HELP_WIDTH });
  const width = Math.max(...ENVIRONMENT.map(({ name }) => name.length));
  return ENVIRONMENT.map(({ name, meaning }) => `${help.formatItem(name, width, meaning, help)}\n`).join('');
}

/** What the program says of help and errors holds for subcommands too. */
function withSettings(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const subcommand of command.commands) withSettings(subcommand, command);
  // What stands behind a subcommand is its own: kit check --device.
  return command.commands.length > 0 ? command.enablePositionalOptions() : command;
}
