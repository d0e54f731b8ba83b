import { QuantscopeError, UsageError } from '../util/errors.ts';

/** A fault that every file would meet: one error says more than a table of it. */
function isOfMachine({ code, message }: QuantscopeError): boolean {
  // A disk that is full fails the write of one row and then of every other.
  if (/\b(?:ENOSPC|EDQUOT)\b/.test(message)) return true;
  return code === 'engine/not-installed' || code === 'engine/gpu-unavailable';
}

/**
 * A failure that is one row's own.
 * @throws the signal's reason, and everything else: what ends the whole run
 */
export function ownFailure(thrown: unknown, signal: AbortSignal | undefined): QuantscopeError {
  signal?.throwIfAborted();
  const isOwn = thrown instanceof QuantscopeError && !(thrown instanceof UsageError) && !isOfMachine(thrown);
  if (!isOwn) throw thrown;
  return thrown;
}
