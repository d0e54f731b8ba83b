import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { timingWith } from '../../src/api/timing.ts';
import type { MachineWatch } from '../../src/machine/watch.ts';
import { scratchFolder } from '../helpers/cli.ts';

const watch: MachineWatch = {
  sample: async () => {},
  warnings: async () => [],
  timing: async () => ({
    busy: null,
    disturbances: async () => [{ code: 'machine/others', message: 'others' }],
  }),
};

describe('what is timed', () => {
  it('has the machine to itself: a second waits, says so once, and goes on when the first has ended', async () => {
    await using scratch = await scratchFolder();
    const said: string[] = [];
    const host = { signal: new AbortController().signal, notice: (text: string) => void said.push(text) };
    const begin = timingWith(watch, host, true, scratch.path('lock'));
    const first = await begin();
    let isSecond = false;
    const second = begin().then((timing) => {
      isSecond = true;
      return timing;
    });
    await new Promise((done) => setTimeout(done, 500));
    expect([isSecond, said]).toEqual([false, [expect.stringMatching(/waiting for it\. --no-lock/)]]);
    // Without the lock nobody waits.
    await using free = await timingWith(watch, host, false, scratch.path('lock'))();
    expect(await free.disturbances()).toHaveLength(1);
    await first[Symbol.asyncDispose]();
    await using _ = await second;
    expect(isSecond).toBe(true);
  });

  it('says at its start that the machine is busy, once', async () => {
    await using scratch = await scratchFolder();
    const said: string[] = [];
    const host = { signal: new AbortController().signal, notice: (text: string) => void said.push(text) };
    const busy = {
      ...watch,
      timing: async () => ({ busy: 'load average 9.0', disturbances: async () => [] }),
    };
    const begin = timingWith(busy, host, true, scratch.path('lock'));
    for (const _ of [1, 2]) await (await begin())[Symbol.asyncDispose]();
    expect(said).toEqual([expect.stringMatching(/^Warning: the machine is busy: load average 9\.0\./)]);
  });

  it('leaves no lock behind, can be stopped while it waits, and needs none where none can be made', async () => {
    await using scratch = await scratchFolder();
    const stop = new AbortController();
    const host = { signal: stop.signal, notice: () => {} };
    const begin = timingWith(watch, host, true, scratch.path('lock'));
    const first = await begin();
    const waiting = begin();
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow();
    await first[Symbol.asyncDispose]();
    expect(await readdir(scratch.folder)).toEqual([]);
    const fresh = { signal: new AbortController().signal, notice: () => {} };
    await using _ = await timingWith(watch, fresh, true, scratch.path('missing/lock'))();
  });
});
