import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { takeLock } from '../hub/lock.ts';
import type { MachineWatch } from '../machine/watch.ts';
import type { Timing } from '../measure/timing.ts';
import type { Host } from './host.ts';

/** One for the whole machine: threads of two engines that wait for each other by spinning stop both. */
const LOCK = join(tmpdir(), 'quantscope-timing.lock');

/**
 * What is timed has the machine to itself as far as this program is concerned, and is watched for what else the machine
 * does.
 * @param lock whether to wait for other processes that time something
 * @param path of the lock
 */
export function timingWith(
  watch: MachineWatch,
  { signal, notice }: Pick<Required<Host>, 'signal' | 'notice'>,
  lock = true,
  path = LOCK,
): () => Promise<Timing> {
  let isSaid = false;
  return async () => {
    const held = lock ? await lockOf(path, signal, notice) : null;
    try {
      const { busy, disturbances } = await watch.timing();
      if (busy !== null && !isSaid) {
        notice(`Warning: the machine is busy: ${busy}. What is timed now will not be what it can do.`);
        isSaid = true;
      }
      return { disturbances, [Symbol.asyncDispose]: async () => void (await held?.[Symbol.asyncDispose]()) };
    } catch (thrown) {
      await held?.[Symbol.asyncDispose]();
      throw thrown;
    }
  };
}

/** Null where no lock can be made, as on a disk that is read-only: what is timed is watched all the same. */
async function lockOf(
  path: string,
  signal: AbortSignal,
  notice: (text: string) => void,
): Promise<AsyncDisposable | null> {
  const sleep = (ms: number, stop?: AbortSignal) =>
    wait(ms, undefined, stop === undefined ? {} : { signal: stop });
  try {
    return await takeLock(path, { signal, sleep }, () =>
      notice('Another quantscope is timing on this machine: waiting for it. --no-lock does not wait.'),
    );
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
