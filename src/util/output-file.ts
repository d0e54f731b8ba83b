import { randomUUID } from 'node:crypto';
import { constants, createWriteStream, fstatSync } from 'node:fs';
import { access, copyFile, open, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import writeFileAtomic from 'write-file-atomic';
import type { GroupWith } from './error-codes.ts';
import { messageOf, UsageError } from './errors.ts';
import { isReadByRunner, shownText, withoutCommands } from './shown-text.ts';

/**
 * Where the name of an output leads. `descriptor` is what this process was given open, such as stdout; `special` a
 * device, a FIFO or a pipe, which is written into; `file` a regular file or none yet, at the end of all links.
 */
export type OutputPlace =
  | { readonly kind: 'descriptor'; readonly fd: number }
  | { readonly kind: 'special' | 'folder' | 'file'; readonly path: string };

/** As many links as Linux follows. */
const MOST_LINKS = 40;
/** What says that a file may not be renamed over another, though that other may be writable: one mounted by itself. */
const IN_THE_WAY = new Set(['EBUSY', 'EXDEV', 'EROFS', 'EACCES', 'EPERM']);

/**
 * Follows an output's name to where it leads: `-` is stdout, and so are its other names. Links are followed by hand,
 * because a link to a file that is not there yet has no real path.
 */
export async function outputPlace(path: string): Promise<OutputPlace> {
  let target = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const fd = descriptorNamed(target);
    // A pipe that was handed over open, as >(...) is, has a name and can be opened; a file must go on where it is.
    if (fd !== null && (fd <= 2 || isOpenFile(fd))) return { kind: 'descriptor', fd };
    if (fd !== null) break;
    const link = await readlink(target).catch(() => null);
    if (link === null) break;
    target = resolve(dirname(target), link);
  }
  const there = await stat(target).catch(() => null);
  if (there === null || there.isFile()) return { kind: 'file', path: target };
  return { kind: there.isDirectory() ? 'folder' : 'special', path: target };
}

function descriptorNamed(path: string): number | null {
  const standard = ['', '-|/dev/stdout', '/dev/stderr'].findIndex((names) => names.split('|').includes(path));
  if (standard > 0 && path !== '') return standard;
  const number = /^\/(?:dev|proc\/(?:self|thread-self|\d+))\/fd\/(\d+)$/.exec(path)?.[1];
  return number === undefined ? null : Number(number);
}

function isOpenFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** Whether what is written there is written once, as it comes: it cannot be replaced, nor read back. */
export async function isStream(path: string): Promise<boolean> {
  const { kind } = await outputPlace(path);
  return kind === 'descriptor' || kind === 'special';
}

/** Whether it is this process's stdout, where nothing else should be printed then. */
export async function isStdout(path: string | undefined): Promise<boolean> {
  if (path === undefined) return false;
  const place = await outputPlace(path);
  return place.kind === 'descriptor' && place.fd === 1;
}

/**
 * @param what what is kept there
 * @throws UsageError `card/exists`, `kit/exists`, by what it is
 */
export async function refuseToReplace(path: string, what: GroupWith<'exists'>, hint: string): Promise<void> {
  if (await isStream(path)) return;
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw new UsageError(`${what}/exists`, `${path} is there already`, { hint });
}

/**
 * Writes an output: a regular file as a whole or not at all, so that a reader never finds half of it; links are
 * followed. What no file can take the place of is written in place: a device, a pipe, a file that is mounted by itself.
 * `-` is stdout.
 * @param hint what to do where it cannot be written
 * @throws UsageError `output/unwritable`
 */
export async function writeOutput(path: string, given: string | Buffer, hint: string): Promise<void> {
  await orUnwritable(path, hint, async () => {
    const content = typeof given === 'string' ? shownText(given) : given;
    const place = await outputPlace(path);
    if (place.kind === 'descriptor') {
      const isForRunner = typeof content === 'string' && isReadByRunner(process.env);
      return writeTo(place.fd, isForRunner ? withoutCommands(content) : content);
    }
    if (place.kind !== 'file') return writeFile(place.path, content);
    try {
      await writeFileAtomic(place.path, content);
    } catch (thrown) {
      if (!(await isWrittenInPlace(place.path, thrown))) throw thrown;
      await writeFile(place.path, content);
    }
  });
}

/**
 * Gives a file that was written elsewhere its name, under the rules of {@link writeOutput}. `from` is gone afterwards.
 * @throws UsageError `output/unwritable`
 */
export async function publishOutput(from: string, path: string, hint: string): Promise<void> {
  await orUnwritable(path, hint, async () => {
    const place = await outputPlace(path);
    if (place.kind === 'file') {
      try {
        return await rename(from, place.path);
      } catch (thrown) {
        const isElsewhere = hasCode(thrown, new Set(['EXDEV']));
        if (!isElsewhere && !(await isWrittenInPlace(place.path, thrown))) throw thrown;
        await copyFile(from, place.path);
      }
    } else {
      await using source = await open(from);
      // A folder is refused by its opening.
      const to: Writable =
        place.kind !== 'descriptor'
          ? createWriteStream(place.path)
          : createWriteStream('', { fd: place.fd, autoClose: false });
      await pipeline(source.createReadStream(), to);
    }
    await rm(from, { force: true });
  });
}

/**
 * Where an output of many pieces is made before {@link publishOutput} gives it its name: beside it, so that a rename
 * does; in a folder of its own where nothing may lie beside it.
 * @throws UsageError `output/unwritable`
 */
export async function draftOf(path: string, hint: string): Promise<string> {
  return await orUnwritable(path, hint, async () => {
    const place = await outputPlace(path);
    if (place.kind === 'file') {
      const beside = `${place.path}.${process.pid}.partial`;
      try {
        await writeFile(beside, '');
        return beside;
      } catch (thrown) {
        if (!(await isWrittenInPlace(place.path, thrown))) throw thrown;
      }
    }
    const draft = join(tmpdir(), `quantscope-${randomUUID()}`);
    await writeFile(draft, '', { flag: 'wx' });
    return draft;
  });
}

/**
 * Whether a file could be written, before the work whose result it will hold.
 * @throws UsageError `output/unwritable`
 */
export async function requireWritable(path: string, hint: string): Promise<void> {
  const place = await outputPlace(path);
  // A device or a pipe takes what comes.
  if (place.kind === 'descriptor' || place.kind === 'special') return;
  if (place.kind === 'folder') throw new UsageError('output/unwritable', `${path} is a folder`, { hint });
  const probe = `${place.path}.${process.pid}`;
  await orUnwritable(path, hint, async () => {
    try {
      await writeFile(probe, '', { flag: 'wx' });
      await rm(probe);
    } catch (thrown) {
      if (!(await isWrittenInPlace(place.path, thrown))) throw thrown;
    }
  });
}

/** Whether a file that cannot be replaced can be written where it is. */
async function isWrittenInPlace(path: string, thrown: unknown): Promise<boolean> {
  if (!hasCode(thrown, IN_THE_WAY)) return false;
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

function hasCode(thrown: unknown, codes: ReadonlySet<string>): boolean {
  return thrown instanceof Error && 'code' in thrown && codes.has(String(thrown.code));
}

/** Behind what was printed before, at the place of this descriptor: a shell's `> file` is neither cut nor begun anew. */
async function writeTo(fd: number, content: string | Buffer): Promise<void> {
  const standard: Writable | undefined = [undefined, process.stdout, process.stderr][fd];
  const stream = standard ?? createWriteStream('', { fd, autoClose: false });
  await new Promise<void>((done, failed) => {
    if (standard === undefined) stream.on('error', failed);
    // Whoever reads along may leave when they like; what becomes of the process is its own to say.
    stream.write(content, (error) => (error && !isReaderGone(error) ? failed(error) : done()));
  });
}

function isReaderGone(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE';
}

async function orUnwritable<Value>(path: string, hint: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (cause) {
    const shown = path === '-' ? 'stdout' : path;
    throw new UsageError('output/unwritable', `${shown} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint,
    });
  }
}
