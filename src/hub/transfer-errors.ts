import type { QuantscopeError } from '../util/errors.ts';

/** What is here and what the server has are not one file: thrown to begin again with an empty one. */
export class Restart extends Error {
  override readonly cause: QuantscopeError;

  constructor(cause: QuantscopeError) {
    super(cause.message);
    this.cause = cause;
  }
}

/** A failure after which the same thing may work. */
export class Transient extends Error {
  override readonly cause: QuantscopeError;
  /** Of a server that answered to be left alone for a while; undefined where it was not that. */
  readonly refusal: Headers | undefined;

  constructor(cause: QuantscopeError, refusal?: Headers) {
    super(cause.message);
    this.cause = cause;
    this.refusal = refusal;
  }
}
