import type { ErrorCode } from '../util/error-codes.ts';
import { type ErrorDetails, QuantscopeError } from '../util/errors.ts';

/** The reasons a variant can fail for once an engine is asked to run it. Stable: they stand in results. */
export type EngineErrorCode = Exclude<Extract<ErrorCode, `engine/${string}`>, 'engine/unknown-build'>;

export class EngineError extends QuantscopeError {
  override readonly name = 'EngineError';
  declare readonly code: EngineErrorCode;
  constructor(code: EngineErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
  }
}
