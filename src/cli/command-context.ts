import type { Command } from 'commander';
import type { ExitCode } from './exit.ts';

/** What every command gets from the program. */
export interface CommandContext {
  /** Aborted by Ctrl-C or a request to end. */
  readonly signal: AbortSignal;
  readonly done: (code: ExitCode) => void;
  /** Every command with its options, also those that were not asked for. */
  readonly definitions: () => Promise<Command>;
}
