import type { ErrorReport } from '../schema/error.ts';
import { SCHEMA_IDS } from '../schema/terms.ts';
import { messageOf, QuantscopeError } from '../util/errors.ts';

export const EXIT = {
  done: 0,
  /** The command worked and found something: a failed row, a bad file, a gate that does not hold. */
  finding: 1,
  /** Wrong arguments, or a machine that cannot run the command. */
  usage: 2,
  /** SIGHUP: the terminal or the connection went away. */
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What ends a command from outside, by the exit code that shells give it. */
export const SIGNALS = { SIGHUP: EXIT.hungUp, SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** What a command's work was ended with from outside. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly exitCode: ExitCode;

  constructor(signal: keyof typeof SIGNALS) {
    super(`ended by ${signal}`);
    this.exitCode = SIGNALS[signal];
  }
}

/** The lines a person sees for whatever was thrown; a stack only when `debug` asks for it. */
export function describeError(thrown: unknown, debug: boolean): string {
  const lines = [`error: ${messageOf(thrown)}`];
  if (thrown instanceof QuantscopeError) {
    if (thrown.hint !== undefined) lines.push(`hint: ${thrown.hint}`);
  } else if (environmentHint(thrown) !== null) lines.push(`hint: ${environmentHint(thrown)}`);
  else lines.push('hint: This is a fault of quantscope. QUANTSCOPE_DEBUG=1 shows where it happened.');
  if (debug && thrown instanceof Error && thrown.stack) lines.push(thrown.stack);
  return `${lines.join('\n')}\n`;
}

/** What to do about a system that refuses; null where it is not the system. */
function environmentHint(thrown: unknown): string | null {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return Object.hasOwn(SYSTEM_HINTS, code) ? (SYSTEM_HINTS[code] ?? null) : null;
}

const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space, also in the folder for temporary files (TMPDIR).',
  EDQUOT: 'The quota of the disk is used up: free some space.',
  EROFS: 'The disk is read-only: name another place, and another TMPDIR.',
  EMFILE: 'Too many files are open: raise the limit (ulimit -n).',
  ENFILE: 'Too many files are open on this machine.',
  ENOMEM: 'The machine has no memory left: end other programs.',
  EIO: 'The disk or the connection to it failed.',
};

/** The same for a program that asked for JSON. */
export function errorReport(thrown: unknown): ErrorReport {
  const isKnown = thrown instanceof QuantscopeError;
  const system = environmentHint(thrown);
  return {
    schema: SCHEMA_IDS.error,
    error: {
      // A structural code is one of the reader's list: only its errors have such.
      code: isKnown
        ? (thrown.code as ErrorReport['error']['code'])
        : system === null
          ? 'internal'
          : 'system/refused',
      message: messageOf(thrown),
      hint: isKnown ? (thrown.hint ?? null) : system,
    },
  };
}
