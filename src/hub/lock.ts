import { randomBytes } from 'node:crypto';
import { open, rm, stat, utimes } from 'node:fs/promises';
import { boundedText } from '../util/bounded-text.ts';
import { QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

/**
 * A lock between processes: a file that only one can create. Node has no flock, so the owner says who it is and
 * touches the file; a lock whose owner is dead, or has not touched it for long, is taken over.
 */
export interface ProcessLock extends AsyncDisposable {
  /** @throws QuantscopeError `hub/lock-lost` when another process took it over, believing this one dead */
  readonly requireHeld: () => Promise<void>;
}

interface Owner extends ProcessIdentity {
  readonly nonce: string;
}

/** Of a lock that is being written just now, or was left so by a crash: judged by its age. */
const UNREADABLE = { pid: -1, boot: null, startedAt: null } as const satisfies ProcessIdentity;

const HEARTBEAT_MS = 5000;
/** A machine that slept wakes with old locks, so this is generous; a dead owner on this machine is seen at once. */
const SILENT_MS = 60_000;
const POLL_MS = 200;
const TAKEOVER_MS = 10_000;

/**
 * Waits for a lock and takes it.
 * @param onWait called once if another process has it
 */
export async function takeLock(
  path: string,
  context: Pick<HubContext, 'sleep' | 'signal'>,
  onWait: () => void = () => {},
): Promise<ProcessLock> {
  const own: Owner = { ...identityOf(process.pid), nonce: randomBytes(8).toString('hex') };
  let told = false;
  while (!(await create(path, JSON.stringify(own)))) {
    const owner = await readOwner(path);
    if (owner !== undefined && (await isAbandoned(path, owner, own))) {
      if (await removeAbandoned(path, owner)) continue;
    } else if (!told) {
      told = true;
      onWait();
    }
    await context.sleep(POLL_MS, context.signal);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const isHeld = async (): Promise<boolean> => (await readOwner(path))?.nonce === own.nonce;
  return {
    requireHeld: async () => {
      if (await isHeld()) return;
      throw new QuantscopeError('hub/lock-lost', `${path}: another process has taken over this download`, {
        hint: 'This process stood still for too long; run the command again.',
      });
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(heartbeat);
      if (await isHeld()) await rm(path, { force: true });
    },
  };
}

/** Makes a file that must not be there yet. Whether it did. */
async function create(path: string, text: string): Promise<boolean> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, 'wx');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false;
    throw thrown;
  }
  try {
    await handle.writeFile(text);
  } catch (thrown) {
    // On a full disk: a lock without an owner would keep others waiting.
    await rm(path, { force: true });
    throw thrown;
  } finally {
    await handle.close();
  }
  return true;
}

/** Who holds a lock; one that cannot be read has no owner, and old enough it counts as abandoned. */
async function readOwner(path: string): Promise<Owner | undefined> {
  const text = await boundedText(path).catch((cause: NodeJS.ErrnoException) =>
    cause.code === 'ENOENT' ? undefined : '',
  );
  if (text === undefined) return undefined;
  try {
    const { pid, boot = null, startedAt = null, nonce }: Partial<Owner> = JSON.parse(text);
    if (typeof pid === 'number' && typeof nonce === 'string') return { pid, boot, startedAt, nonce };
  } catch {
    // Below.
  }
  return { ...UNREADABLE, nonce: text };
}

async function isAbandoned(path: string, owner: Owner, own: Owner): Promise<boolean> {
  if (isRunning(owner, own) === false) return true;
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return false;
  return Date.now() - stats.mtimeMs > (owner.pid === UNREADABLE.pid ? TAKEOVER_MS : SILENT_MS);
}

/**
 * Removes an abandoned lock, one process at a time and only while it is still the one that was seen: otherwise a
 * second process could remove the lock that a first one has just taken.
 */
async function removeAbandoned(path: string, owner: Owner): Promise<boolean> {
  const gate = `${path}.takeover`;
  if (!(await create(gate, '').catch(() => false))) {
    const stats = await stat(gate).catch(() => undefined);
    if (stats !== undefined && Date.now() - stats.mtimeMs > TAKEOVER_MS) await rm(gate, { force: true });
    return false;
  }
  try {
    const present = await readOwner(path);
    if (present?.nonce === owner.nonce) await rm(path, { force: true });
    return true;
  } finally {
    await rm(gate, { force: true });
  }
}
