/** Bytes that can be read by windows: a local file, a remote file, a cache in front of either. */
export interface ByteSource extends AsyncDisposable {
  /** What a person calls it: the path or the URL. Used in messages. */
  readonly name: string;
  /** The whole length in bytes, known before the first read. */
  readonly byteLength: number;
  /**
   * The bytes [start, end), exactly `end - start` of them: a source that yields fewer throws.
   * @throws QuantscopeError `io/short-read`, `io/read-failed`, or the signal's reason
   */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * Fills `target` with the bytes from `start` on: `read` without an allocation, where a source can.
   * @throws like `read`
   */
  readInto?(start: number, target: Uint8Array, signal?: AbortSignal): Promise<void>;
  /**
   * The bytes [start, end) once more, at once, even after the source was closed. Only a source for which that is
   * cheaper than keeping them has it: a local file.
   * @throws QuantscopeError `io/changed` where the bytes may be others by now, or like `read`
   */
  readAgain?(start: number, end: number): Uint8Array;
}
