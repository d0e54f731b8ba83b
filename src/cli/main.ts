import { CommanderError } from 'commander';
import { messageOf, UsageError } from '../util/errors.ts';
import type { CommandContext } from './command-context.ts';
import { describeError, EXIT, type ExitCode, errorReport, Interruption } from './exit.ts';
import { FIRST_STEPS, programFor, wholeProgram } from './program.ts';
import { guard, guardStderr } from './sink.ts';
import { argumentHint } from './suggest.ts';

const ONE_REQUEST_MS = 500;
/** What a command gets to put its things away; then the process ends, and its children with it. */
const FAREWELL_MS = 1500;

/** argv in, exit code out. The commands are in program.ts. */
async function main(argv: readonly string[]): Promise<ExitCode> {
  const interruption = new AbortController();
  let interruptedAt = 0;
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Asked twice: leave at once. The engine's process ends when this one does. One request may come as two signals:
      // timeout(1) sends its own to the program and to its group.
      const isAgain = interruption.signal.aborted;
      if (isAgain && performance.now() - interruptedAt > ONE_REQUEST_MS) {
        process.exit(new Interruption(signal).exitCode);
      }
      if (isAgain) return;
      interruptedAt = performance.now();
      const reason = new Interruption(signal);
      interruption.abort(reason);
      // Does not keep the process: it ends what does.
      setTimeout(() => process.exit(reason.exitCode), FAREWELL_MS).unref();
    });
  }
  let exitCode: ExitCode = EXIT.done;
  const context: CommandContext = {
    signal: interruption.signal,
    done: (code) => {
      exitCode = code;
    },
    definitions: wholeProgram,
  };
  guard(process.stdout, process.env);
  const isJudged = argv.some((word) => /^--(?:fail-if|gates)(?:=|$)/.test(word));
  const readerLeft = onceReaderLeft(isJudged);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return readerLeft();
    process.stderr.write(
      `error: stdout cannot be written: ${messageOf(error)}\nhint: Free some space where it leads, or let it lead elsewhere.\n`,
    );
    process.exit(EXIT.usage);
  });
  guardStderr(process.env, (error) => {
    if (error.code === 'EPIPE') return readerLeft();
    // Nobody is left to tell where it cannot be written.
    process.exit(EXIT.usage);
  });
  if (argv.length === 0) {
    process.stdout.write(FIRST_STEPS);
    return EXIT.done;
  }
  const program = await programFor(argv, context);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (interruption.signal.aborted) return exitCodeOf(interruption.signal.reason);
    // Commander has printed its own message by now: help and version end with 0, wrong arguments with 1.
    if (thrown instanceof CommanderError) {
      process.stderr.write(argumentHint(thrown.code, argv, program));
      if (thrown.exitCode === 0) return EXIT.done;
      const { message } = thrown;
      printError(argv, new UsageError('usage/arguments', message.replace(/^error: /, '')));
      return EXIT.usage;
    }
    process.stderr.write(describeError(thrown, process.env['QUANTSCOPE_DEBUG'] === '1'));
    printError(argv, thrown);
    return EXIT.usage;
  }
}

/** For a program that waits for JSON, where its document would stand. What is there already is left alone. */
function printError(argv: readonly string[], thrown: unknown): void {
  const isJson =
    argv.includes('--json') ||
    argv.some((word, index) => /^(?:-o|--format|--output)$/.test(argv[index - 1] ?? '') && word === 'json') ||
    argv.includes('--format=json');
  if (!isJson || (process.stdout.bytesWritten ?? 0) > 0) return;
  process.stdout.write(`${JSON.stringify(errorReport(thrown), null, 2)}\n`);
}

function exitCodeOf(reason: unknown): ExitCode {
  return reason instanceof Interruption ? reason.exitCode : EXIT.interrupted;
}

/**
 * A reader such as `head` may close the pipe early: what it did not want is not an error. A command that is about to
 * end still gives its own exit code; one that goes on for nobody is ended, unless a gate has yet to be judged.
 */
function onceReaderLeft(isJudged: boolean): () => void {
  let hasLeft = false;
  return () => {
    if (!hasLeft && !isJudged) setTimeout(() => process.exit(EXIT.done), FAREWELL_MS).unref();
    hasLeft = true;
  };
}

void main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
