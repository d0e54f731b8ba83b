import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { closeFd, openFd, readFd, statFd } from './callback-fs.ts';

/**
 * A local file behind one open descriptor and positional reads, so that several readers can share it.
 * @throws QuantscopeError `io/not-found`, `io/is-directory`, `io/permission`, `io/not-a-file`, `io/link-loop`,
 *   `io/open-failed`
 */
export async function openFile(path: string): Promise<ByteSource> {
  let fd: number;
  try {
    // A pipe without a writer would never open. Windows has no such flag.
    fd = await openFd(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw openError(path, cause);
  }
  try {
    const stats = await statFd(fd);
    if (stats.isDirectory()) throw directoryError(path);
    if (!stats.isFile()) throw specialFileError(path);
    return new FileSource(path, fd, stats);
  } catch (thrown) {
    await closeFd(fd);
    throw thrown;
  }
}

class FileSource implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  readonly #fd: number;
  /** Reads under way: a descriptor closed under one could be another file's by the time it is read. */
  readonly #reads = new Set<Promise<unknown>>();
  #isClosed = false;
  /** Absolute, since the working folder may be another one by the time of a second look. */
  readonly #path: string;
  readonly #stats: Stats;

  constructor(path: string, fd: number, stats: Stats) {
    this.name = path;
    this.byteLength = stats.size;
    this.#fd = fd;
    this.#path = resolve(path);
    this.#stats = stats;
  }

  async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    // Checked before the allocation: a window past the end can only come short.
    if (end > this.byteLength) throw this.#shortRead(start, end, Math.max(0, this.byteLength - start));
    const target = new Uint8Array(end - start);
    await this.readInto(start, target, signal);
    return target;
  }

  async readInto(start: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    let filled = 0;
    while (filled < target.length) {
      signal?.throwIfAborted();
      let bytesRead: number;
      try {
        bytesRead = await this.#readSome(target, filled, start + filled);
      } catch (cause) {
        throw new QuantscopeError('io/read-failed', `${this.name}: ${messageOf(cause)}`, { cause });
      }
      if (bytesRead === 0) throw this.#shortRead(start, start + target.length, filled);
      filled += bytesRead;
    }
    signal?.throwIfAborted();
  }

  readAgain(start: number, end: number): Uint8Array {
    if (end > this.byteLength) throw this.#shortRead(start, end, Math.max(0, this.byteLength - start));
    let file: number;
    try {
      file = openSync(this.#path, 'r');
    } catch (cause) {
      throw openError(this.name, cause);
    }
    try {
      const { ino, size, mtimeMs } = fstatSync(file);
      if (ino !== this.#stats.ino || size !== this.#stats.size || mtimeMs !== this.#stats.mtimeMs) {
        throw new QuantscopeError('io/changed', `${this.name}: the file changed after its header was read`, {
          hint: 'Run the command again when nothing writes to it.',
        });
      }
      const target = new Uint8Array(end - start);
      let filled = 0;
      while (filled < target.length) {
        const bytesRead = readSync(file, target, filled, target.length - filled, start + filled);
        if (bytesRead === 0) throw this.#shortRead(start, end, filled);
        filled += bytesRead;
      }
      return target;
    } catch (cause) {
      if (cause instanceof QuantscopeError) throw cause;
      throw new QuantscopeError('io/read-failed', `${this.name}: ${messageOf(cause)}`, { cause });
    } finally {
      closeSync(file);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled(this.#reads);
    await closeFd(this.#fd);
  }

  async #readSome(target: Uint8Array, filled: number, position: number): Promise<number> {
    if (this.#isClosed) throw new Error('the file is closed');
    const reading = readFd(this.#fd, target, filled, target.length - filled, position);
    this.#reads.add(reading);
    try {
      return (await reading).bytesRead;
    } finally {
      this.#reads.delete(reading);
    }
  }

  #shortRead(start: number, end: number, got: number): QuantscopeError {
    const message = `${this.name}: ${got} bytes from byte ${start} on, expected ${end - start}`;
    return new QuantscopeError('io/short-read', message, {
      hint: 'The file became shorter while it was read; run the command again when nothing writes to it.',
    });
  }
}

function openError(path: string, cause: unknown): QuantscopeError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new QuantscopeError('io/not-found', `${path}: no such file`, {
        cause,
        hint: 'Check the path; `quantscope pull` downloads a model from the Hub.',
      });
    case 'EISDIR':
      return directoryError(path);
    case 'EACCES':
    case 'EPERM':
      return new QuantscopeError('io/permission', `${path}: no permission to read it`, {
        cause,
        hint: 'Give yourself read permission: `chmod u+r FILE`.',
      });
    // A socket, or a device that is not there.
    case 'ENXIO':
    case 'ENODEV':
      return specialFileError(path);
    case 'ELOOP':
      return new QuantscopeError('io/link-loop', `${path}: its symbolic links lead in a circle`, {
        cause,
        hint: 'Name the file itself.',
      });
    default:
      return new QuantscopeError('io/open-failed', `${path}: ${messageOf(cause)}`, {
        cause,
        hint: 'Check that the disk that it is on works and is mounted.',
      });
  }
}

function specialFileError(path: string): QuantscopeError {
  return new QuantscopeError(
    'io/not-a-file',
    `${path}: not a regular file, so it cannot be read by position`,
    { hint: 'Save it to a file first.' },
  );
}

function directoryError(path: string): QuantscopeError {
  return new QuantscopeError('io/is-directory', `${path}: a directory, expected a file`, {
    hint: 'Name a .gguf file in it.',
  });
}
