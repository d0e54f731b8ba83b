import type { ErrorCode } from './error-codes.ts';

/** What every error the product raises on purpose carries beside its message. */
export interface ErrorDetails {
  /** The flag, command or change that would mend it, as a full sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * An error with a stable code, meant for a person: the message says what, where, got and expected.
 * The command line prints `message` and `hint`, never the stack.
 */
export class QuantscopeError extends Error {
  override readonly name: string = 'QuantscopeError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
}

/** Wrong arguments or an environment that cannot run the command: the command line exits with 2. */
export class UsageError extends QuantscopeError {
  override readonly name = 'UsageError';
}

/** The text of anything that was thrown, on one line. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.replaceAll(/\s*\n\s*/g, ' ').trim();
}

export function isQuantscopeError(thrown: unknown): thrown is QuantscopeError {
  return thrown instanceof QuantscopeError;
}
