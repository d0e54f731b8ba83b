import { Command, CommanderError } from 'commander';
import { benchCommand } from './bench/command.ts';
import { cacheCommand } from './cache/command.ts';
import type { CommandContext } from './command-context.ts';
import { compareCommand } from './compare/command.ts';
import { contextCommand } from './context/command.ts';
import { diffCommand } from './diff/command.ts';
import { engineCommand } from './engine/command.ts';
import { evalCommand } from './eval/command.ts';
import { describeError, EXIT, type ExitCode, Interruption } from './exit.ts';
import { fitCommand } from './fit/command.ts';
import { inspectCommand } from './inspect/command.ts';
import { kitCommand } from './kit/command.ts';
import { packageVersion } from './package-files.ts';
import { pullCommand } from './pull/command.ts';
import { reportCommand } from './report/command.ts';
import { runCommand } from './run/command.ts';
import { validateCommand } from './validate/command.ts';
import { variantsCommand } from './variants/command.ts';

/**
 * The program: argv in, exit code out. Commands are defined here with what `--help` needs and load their work when
 * they are run, so that help is instant and a command that needs no engine never loads it.
 */
async function main(argv: readonly string[]): Promise<ExitCode> {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Asked twice: leave at once. The engine's process ends when this one does.
      if (interruption.signal.aborted) process.exit(new Interruption(signal).exitCode);
      interruption.abort(new Interruption(signal));
    });
  }
  let exitCode: ExitCode = EXIT.done;
  const program = new Command('quantscope')
    .description(
      'Says what each quantization of a GGUF model costs in size, memory and speed,\n' +
        'what it loses in accuracy, and which one to ship.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
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
        '  quantscope inspect model.gguf               what is in a file, before anything is run\n',
    );
  const context: CommandContext = {
    signal: interruption.signal,
    done: (code) => {
      exitCode = code;
    },
  };
  for (const command of [
    compareCommand,
    evalCommand,
    benchCommand,
    contextCommand,
    runCommand,
    reportCommand,
    inspectCommand,
    diffCommand,
    validateCommand,
    variantsCommand,
    pullCommand,
    fitCommand,
    kitCommand,
    cacheCommand,
    engineCommand,
  ])
    program.addCommand(command(context).copyInheritedSettings(program));
  if (argv.length === 0) {
    program.outputHelp();
    return EXIT.done;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (interruption.signal.aborted) return exitCodeOf(interruption.signal.reason);
    // Commander has printed its own message by now: help and version end with 0, wrong arguments with 1.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
    process.stderr.write(describeError(thrown, process.env['QUANTSCOPE_DEBUG'] === '1'));
    return EXIT.usage;
  }
}

function exitCodeOf(reason: unknown): ExitCode {
  return reason instanceof Interruption ? reason.exitCode : EXIT.interrupted;
}

// A reader such as `head` may close the pipe early: what it did not want is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));
