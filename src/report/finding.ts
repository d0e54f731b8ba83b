import type { Severity } from '../schema/terms.ts';

/**
 * One thing that a check found: by a rule of validate, by a gate, in a model card, on a phone. Each check turns its own
 * report into findings, and one writer per form turns findings into text, SARIF, JUnit XML and annotations.
 */
export interface Finding {
  /** Stable: `tensor/offset`, `gate/size`, `kit/wrong-token`. */
  readonly id: string;
  readonly level: Severity;
  readonly message: string;
  /** What would mend it. */
  readonly hint?: string | undefined;
  /** What an annotation is headed with. Default: the id. */
  readonly title?: string;
  readonly places: readonly Place[];
  /** What stays the same when the file is made again: results are matched between runs by it. */
  readonly fingerprint?: readonly string[];
}

/** Where a finding is: in a file, and where in it as far as that is known. */
export interface Place {
  readonly file: string;
  readonly line?: number | undefined;
  /** Bytes from the start of the file. */
  readonly offset?: number | undefined;
  readonly tensor?: string | undefined;
  readonly key?: string | undefined;
}

/** The message with the byte it is about, unless it says that itself. */
export function messageWithByte({ message, places: [place] }: Finding): string {
  const offset = place?.offset;
  return offset === undefined || message.includes(`(byte ${offset})`)
    ? message
    : `${message} (byte ${offset})`;
}
