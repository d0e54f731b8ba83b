import type { HeaderScan } from '../../gguf/index.ts';
import type { QuantscopeError } from '../../util/errors.ts';
import type { Origin } from '../../validate/index.ts';

export interface RemoteScan {
  readonly fileBytes: number;
  readonly scan: HeaderScan;
}

/** A file of which only the header is read, by range requests. */
export interface RemoteFile {
  readonly kind: 'remote';
  readonly ref: string;
  /** Without folders. */
  readonly name: string;
  /** Tells one file from another. */
  readonly url: string;
  readonly origin: Origin;
  /** All files of the model, this one included, in order. */
  readonly set: readonly RemoteFile[];
  /**
   * Reads the header, once for the file itself and the first of its set.
   * @throws QuantscopeError `io/*`, `hub/*`; the signal's reason
   */
  readonly scan: () => Promise<RemoteScan>;
}

/** A file to validate: as the user named it, and where it is. */
export type ValidationFile = LocalFile | RemoteFile | UnreachableFile;

export interface LocalFile {
  readonly kind: 'local';
  readonly ref: string;
  readonly path: string;
  /** Where it is from, where its place does not say it. */
  readonly origin?: Origin;
}

/** A ref whose files the Hub, or the way to it, did not tell. */
export interface UnreachableFile {
  readonly kind: 'unreachable';
  readonly ref: string;
  readonly error: QuantscopeError;
}
