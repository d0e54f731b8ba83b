import { QuantscopeError } from '../util/errors.ts';
import type { StructureCode, StructureIssue } from './structure-codes.ts';

/** A file that is not valid GGUF: the first structural error in it, with the byte where it is. */
export class GgufError extends QuantscopeError {
  override readonly name = 'GgufError';
  override readonly code: StructureCode;
  /** Where in the file the faulty field begins, in bytes. */
  readonly offset: number;
  readonly key: string | undefined;
  readonly tensor: string | undefined;
  readonly issue: StructureIssue;

  constructor(issue: StructureIssue, source?: string) {
    const message = source === undefined ? issue.message : `${source}: ${issue.message}`;
    super(issue.code, message, issue.hint === undefined ? {} : { hint: issue.hint });
    this.code = issue.code;
    this.offset = issue.offset;
    this.key = issue.key;
    this.tensor = issue.tensor;
    this.issue = issue;
  }
}

/** Whether something that was thrown is a {@link GgufError}. */
export function isGgufError(thrown: unknown): thrown is GgufError {
  return thrown instanceof GgufError;
}
