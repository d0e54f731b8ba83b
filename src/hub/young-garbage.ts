import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Every piece that a socket reads lies outside V8's heap, and V8 looks after such memory only once there are 64 MiB
 * of it: a download would hold that much for nothing. Collecting the young generation now and then costs less than
 * a millisecond, keeps the memory of a download flat, and lets the same pages, still in the core's cache, be used again.
 */
const EVERY_BYTES = 8 * 1024 * 1024;

export class YoungGarbage {
  #since = 0;
  readonly #collect: (() => void) | undefined = minorCollector();

  /** Told of every piece that was used up. */
  add(bytes: number): void {
    this.#since += bytes;
    if (this.#since < EVERY_BYTES) return;
    this.#since = 0;
    this.#collect?.();
  }
}

function minorCollector(): (() => void) | undefined {
  try {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    // The flag is only to reach the function, not to change what other scripts see.
    setFlagsFromString('--no-expose-gc');
    if (typeof collect !== 'function') return undefined;
    return () => {
      collect({ type: 'minor' });
    };
  } catch {
    // A runtime that does not have it uses some more memory.
    return undefined;
  }
}
