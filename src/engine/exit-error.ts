import { constants } from 'node:os';
import { type MachineMemory, machineMemory } from '../machine/memory.ts';
import { formatBytes } from '../util/units.ts';
import { EngineError } from './errors.ts';

/** Signals that a native fault raises, with what they mean to a reader. */
const CRASH_SIGNALS: Partial<Record<NodeJS.Signals, string>> = {
  SIGSEGV: 'segmentation fault',
  SIGABRT: 'abort',
  SIGBUS: 'bus error',
  SIGILL: 'illegal instruction',
  SIGFPE: 'arithmetic fault',
  SIGTRAP: 'trap',
};

/** Windows ends a process with the code of the exception that it did not handle (ntstatus.h). */
const WINDOWS_EXCEPTIONS: Readonly<Record<number, string>> = {
  3221225477: 'access violation',
  3221225478: 'a page could not be read from disk',
  3221225495: 'out of memory',
  3221225501: 'illegal instruction',
  3221225620: 'division by zero',
  3221225725: 'stack overflow',
  3221226356: 'damaged heap',
  3221226505: 'abort',
  2147483651: 'trap',
};

/**
 * Why an engine's process ended by itself.
 * @param code and `signal` as Node tells them
 * @param stderr what the process wrote last
 * @param gpu that it was started with
 */
export function exitError(
  code: number | null,
  signal: NodeJS.Signals | null,
  stderr: string,
  gpu: string,
  memory: () => Pick<MachineMemory, 'limitedBy' | 'totalBytes'> = machineMemory,
): EngineError {
  const said = lastWords(stderr);
  const because = said === undefined ? '' : `: ${said}`;
  const raised = signal ?? signalOfExitCode(code);
  if (raised === 'SIGKILL') {
    const { limitedBy, totalBytes } = memory();
    const limit = limitedBy === 'container' ? `; the container's limit is ${formatBytes(totalBytes)}` : '';
    return new EngineError(
      'engine/killed',
      `the process that ran it was killed from outside (SIGKILL), as systems do when memory runs out${limit}${because}`,
      { hint: 'Free memory, choose a smaller context, or leave this variant out.' },
    );
  }
  const crash = crashOf(code, raised);
  if (crash !== null) {
    return new EngineError('engine/crashed', `llama.cpp crashed (${crash})${because}`, {
      hint: `quantscope validate tells what is wrong with the file${gpu === 'off' ? '' : '; if nothing is, --gpu off leaves the GPU out'}.`,
    });
  }
  return new EngineError(
    'engine/exited',
    `the engine's process ended with ${raised ?? `code ${code}`}${because}`,
  );
}

function crashOf(code: number | null, raised: NodeJS.Signals | null): string | null {
  const meaning = raised === null ? undefined : CRASH_SIGNALS[raised];
  if (meaning !== undefined) return `${raised}, ${meaning}`;
  // Node gives the code as it is or with its sign, by version.
  const status = (code ?? 0) >>> 0;
  const exception = WINDOWS_EXCEPTIONS[status];
  return exception === undefined ? null : `0x${status.toString(16).toUpperCase()}, ${exception}`;
}

/** A shell-like parent reports a signal as 128 + its number. */
function signalOfExitCode(code: number | null): NodeJS.Signals | null {
  if (code === null || code <= 128) return null;
  const found = Object.entries(constants.signals).find(([, number]) => number === code - 128);
  // The table's keys are the signal names.
  return (found?.[0] as NodeJS.Signals | undefined) ?? null;
}

/** The line of stderr that names the fault: an assertion if there is one, else the last. */
function lastWords(stderr: string): string | undefined {
  const lines = stderr.split('\n').map((line) => line.trim());
  const spoken = lines.filter((line) => line !== '' && !line.startsWith('at '));
  const line =
    spoken.find((said) => /GGML_ASSERT|terminate called|what\(\)|ABORT/.test(said)) ?? spoken.at(-1);
  // Where the binary was built says nothing here; the file in llama.cpp's source does.
  return line?.replace(/\S*\/(llama\.cpp\/\S+:\d+)/, '$1');
}
