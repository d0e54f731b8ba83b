import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { boundedText, openRegular } from '../util/bounded-text.ts';
import { type ByteRange, RangeSet } from './byte-ranges.ts';

/** What a partial file is a part of. */
export interface PartialOrigin {
  readonly objectId: string;
  readonly sizeBytes: number;
  /** Where it came from, for the people who find it. */
  readonly repo: string;
  readonly commit: string;
  readonly path: string;
}

/** Which of its bytes are there. */
interface PartialState {
  /** The ETag or date under which the bytes were sent: for If-Range. */
  readonly validator: string | null;
  readonly done: readonly ByteRange[];
}

const RECORD_VERSION = 1;

/**
 * A download's bytes so far, in a file of its own, with a record beside it: `<etag>.quantscope.incomplete` and
 * `<etag>.quantscope.json.incomplete`. Both end in `.incomplete`, so that `hf cache prune` knows them for what they
 * are, and differ from the names that other clients write.
 */
export class PartialFile {
  readonly path: string;
  readonly done: RangeSet;
  validator: string | null;
  readonly handle: FileHandle;
  readonly #origin: PartialOrigin;
  #saving: Promise<void> | undefined;

  private constructor(
    path: string,
    handle: FileHandle,
    origin: PartialOrigin,
    state: PartialState | undefined,
  ) {
    this.path = path;
    this.handle = handle;
    this.#origin = origin;
    this.done = new RangeSet(state?.done ?? []);
    this.validator = state?.validator ?? null;
  }

  /** Opens the partial file of a blob, with what is usable of an earlier attempt. */
  static async open(path: string, origin: PartialOrigin): Promise<PartialFile> {
    const state = await readState(path, origin);
    const handle = await open(path, state === undefined ? 'w+' : 'r+');
    return new PartialFile(path, handle, origin, state);
  }

  async write(bytes: Uint8Array, start: number): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.handle.write(
        bytes,
        written,
        bytes.length - written,
        start + written,
      );
      written += bytesWritten;
    }
    this.done.add(start, start + bytes.length);
  }

  /** Writes the record, after the bytes that it speaks of. A save that is under way is waited for. */
  async save(): Promise<void> {
    await this.#saving?.catch(() => {});
    this.#saving = this.#write().finally(() => {
      this.#saving = undefined;
    });
    await this.#saving;
  }

  /** Forgets all bytes; those that come next are of this version. */
  async reset(validator: string | null): Promise<void> {
    this.done.clear();
    this.validator = validator;
    await this.save();
    await this.handle.truncate(0);
  }

  async close(): Promise<void> {
    await this.#saving?.catch(() => {});
    await this.handle.close();
  }

  async #write(): Promise<void> {
    const record = {
      version: RECORD_VERSION,
      ...this.#origin,
      validator: this.validator,
      done: this.done.ranges,
    };
    const path = recordPath(this.path);
    const scratch = scratchPath(path);
    const handle = await open(scratch, 'w');
    try {
      await handle.writeFile(`${JSON.stringify(record)}\n`);
    } catch (thrown) {
      await rm(scratch, { force: true });
      throw thrown;
    } finally {
      await handle.close();
    }
    await rename(scratch, path);
  }
}

/** Bytes that an earlier attempt left of a blob. */
export async function partialBytes(
  path: string,
  origin: Pick<PartialOrigin, 'objectId' | 'sizeBytes'>,
): Promise<number> {
  return new RangeSet((await readState(path, origin))?.done ?? []).bytes;
}

export async function removePartial(path: string): Promise<void> {
  // The record first: bytes without a record are started over, a record without its bytes must not be believed.
  await rm(recordPath(path), { force: true });
  // A kill may have left it.
  await rm(scratchPath(recordPath(path)), { force: true });
  await rm(path, { force: true });
}

/** Where a record is written before it takes its name. */
function scratchPath(recordPath: string): string {
  return `${recordPath.slice(0, -'.incomplete'.length)}.new.incomplete`;
}

export function recordPath(partialPath: string): string {
  return `${partialPath.slice(0, -'.incomplete'.length)}.json.incomplete`;
}

/** The record of an earlier attempt, where it is of the same object and its bytes can be there. */
async function readState(
  path: string,
  origin: Pick<PartialOrigin, 'objectId' | 'sizeBytes'>,
): Promise<PartialState | undefined> {
  let parsed: Partial<PartialOrigin & PartialState> & { version?: unknown };
  let length: number;
  try {
    parsed = JSON.parse(await boundedText(recordPath(path)));
    await using handle = await openRegular(path);
    length = (await handle.stat()).size;
  } catch {
    // None, or one that a crash of the machine has spoilt: start over.
    return undefined;
  }
  const { objectId, sizeBytes, validator = null, done } = parsed;
  const isSame =
    objectId === origin.objectId && sizeBytes === origin.sizeBytes && parsed.version === RECORD_VERSION;
  if (!isSame || !Array.isArray(done) || !done.every((range) => isRange(range, Math.min(length, sizeBytes))))
    return undefined;
  if (validator !== null && typeof validator !== 'string') return undefined;
  return { validator, done };
}

function isRange(value: unknown, length: number): value is ByteRange {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [start, end]: unknown[] = value;
  return (
    Number.isSafeInteger(start) &&
    Number.isSafeInteger(end) &&
    Number(start) >= 0 &&
    Number(start) < Number(end) &&
    Number(end) <= length
  );
}
