import { describe, expect, it } from 'vitest';
import { asFinished } from '../../src/util/as-finished.ts';

/** A promise and what settles it. */
function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('asFinished', () => {
  it('yields what is there first, and takes no more items than there is room for', async () => {
    const gates = [deferred(), deferred(), deferred()];
    let taken = 0;
    function* items() {
      for (; taken < 3; taken++) yield taken;
    }
    const results = asFinished(items(), 2, async (index) => {
      await gates[index]?.promise;
      return index;
    });
    const first = results.next();
    gates[1]?.resolve();
    expect(await first).toEqual({ done: false, value: 1 });
    // The third was taken when the second had gone; the first still blocks nobody.
    const second = results.next();
    gates[2]?.resolve();
    expect(await second).toEqual({ done: false, value: 2 });
    const third = results.next();
    gates[0]?.resolve();
    expect(await third).toEqual({ done: false, value: 0 });
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });

  it('never runs more than its limit at once, over asynchronous items too', async () => {
    let running = 0;
    let most = 0;
    async function* items() {
      for (let index = 0; index < 50; index++) yield index;
    }
    const seen: number[] = [];
    for await (const index of asFinished(items(), 7, async (each) => {
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, (each * 7) % 5));
      running--;
      return each;
    })) {
      seen.push(index);
    }
    expect(most).toBe(7);
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  it('throws what the work throws, and closes the source of its items when it is left', async () => {
    let closed = 0;
    function* items() {
      try {
        for (let index = 0; ; index++) yield index;
      } finally {
        closed++;
      }
    }
    const failing = asFinished(items(), 3, async () => {
      throw new Error('as told');
    });
    await expect(failing.next()).rejects.toThrow('as told');
    for await (const index of asFinished(items(), 3, async (each) => each)) if (index >= 1) break;
    expect(closed).toBe(2);
  });
});
