import { type ErrorDetails, QuantscopeError } from '../util/errors.ts';

/** The reasons a variant can fail for once an engine is asked to run it. Stable: they stand in results. */
export type EngineErrorCode =
  | 'engine/not-installed'
  | 'engine/abi'
  | 'engine/gpu-unavailable'
  | 'engine/load-failed'
  | 'engine/context-failed'
  | 'engine/evaluation-failed'
  | 'engine/template-failed'
  | 'engine/crashed'
  | 'engine/killed'
  | 'engine/exited'
  | 'engine/timeout'
  | 'engine/build-impossible'
  | 'engine/build-failed';

export class EngineError extends QuantscopeError {
  override readonly name = 'EngineError';
  declare readonly code: EngineErrorCode;
  constructor(code: EngineErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
  }
}
