import { Command } from 'commander';
import { packageVersion } from '../util/package-files.ts';
import { benchCommand } from './bench/command.ts';
import { cacheCommand } from './cache/command.ts';
import { cardCommand } from './card/command.ts';
import type { CommandContext } from './command-context.ts';
import { compareCommand } from './compare/command.ts';
import { completionCommand } from './completion/command.ts';
import { contextCommand } from './context/command.ts';
import { diffCommand } from './diff/command.ts';
import { doctorCommand } from './doctor/command.ts';
import { engineCommand } from './engine/command.ts';
import { ENVIRONMENT } from './environment.ts';
import { evalCommand } from './eval/command.ts';
import { fitCommand } from './fit/command.ts';
import { inspectCommand } from './inspect/command.ts';
import { kitCommand } from './kit/command.ts';
import { pullCommand } from './pull/command.ts';
import { reportCommand } from './report/command.ts';
import { runCommand } from './run/command.ts';
import { validateCommand } from './validate/command.ts';
import { variantsCommand } from './variants/command.ts';

/** Every command, under the heading that help shows it by. A new one is a line here. */
const COMMANDS: Readonly<Record<string, readonly ((context: CommandContext) => Command)[]>> = {
  'Measure:': [compareCommand, evalCommand, benchCommand, contextCommand, runCommand],
  'Look:': [inspectCommand, diffCommand, validateCommand, reportCommand],
  'Get:': [variantsCommand, pullCommand, cacheCommand],
  'Ship:': [fitCommand, kitCommand, cardCommand],
  'This machine:': [doctorCommand, engineCommand, completionCommand],
};

/** What `quantscope` says when it is asked nothing. */
export const FIRST_STEPS = `Before a quantized model goes into a phone app:

  quantscope inspect model.gguf                  what is in it
  quantscope validate model.gguf                 can it be trusted
  quantscope compare                             what each quantization costs and loses (offline, a minute)
  quantscope fit phi3 --device iphone-13-pro     will it fit on that phone, and how fast will it be
  quantscope kit phi3:Q4_K_M --out kit           what the app needs to run it

quantscope doctor tells what this machine can run, quantscope --help lists all commands.
`;

/**
 * All that argv can ask for, with what help and completion need. Commands load their work when they are run, so that
 * help is instant and a command that needs no engine never loads it.
 */
export function buildProgram(context: CommandContext): Command {
  const program = new Command('quantscope')
    .description(
      'Says what each quantization of a GGUF model costs in size, memory and speed,\n' +
        'what it loses in accuracy, and which one to ship.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--config <file>', 'defaults of options from this file (schema/config.json)')
    .option('--no-config', 'read no config file')
    .configureHelp({ helpWidth: 100 })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText(
      'after',
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
        ENVIRONMENT.map(({ name, meaning }) => `  ${name.padEnd(24)}${meaning}\n`).join(''),
    )
    .hook('preAction', async (_program, command) => {
      const { hasSettings } = await import('./config-settings.ts');
      if (!hasSettings(command)) return;
      const { applyConfig } = await import('./config.ts');
      await applyConfig(command, program);
    });
  for (const [heading, commands] of Object.entries(COMMANDS)) {
    program.commandsGroup(heading);
    for (const command of commands) program.addCommand(withSettings(command(context), program));
  }
  // Last, so that it stands in the last group.
  return program.helpCommand('help [command]', 'print the help of a command');
}

/** What the program says of help and errors holds for subcommands too. */
function withSettings(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const subcommand of command.commands) withSettings(subcommand, command);
  // What stands behind a subcommand is its own: kit check --device.
  return command.commands.length > 0 ? command.enablePositionalOptions() : command;
}
