import type { ExitCode } from './exit.ts';

/** What every command gets from the program. */
export interface CommandContext {
  /** Aborted by Ctrl-C or a request to end. */
  readonly signal: AbortSignal;
  readonly done: (code: ExitCode) => void;
}
