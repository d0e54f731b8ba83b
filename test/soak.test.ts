import { getEventListeners } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CompareRequest, compare } from '../dist/index.js';
import { leftovers } from './helpers/leftovers.ts';

/** bench/soak.ts in small: what a comparison leaves behind in the process that asked for it. */
describe('comparisons in one process', () => {
  const refs = ['nano:Q2_K'];
  const before = process.env['TMPDIR'];
  let folder: string;
  let request: CompareRequest;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'soak-'));
    // What other tests keep there meanwhile is not counted.
    process.env['TMPDIR'] = folder;
    const [task] = (await readFile('fixtures/nano/tasks.jsonl', 'utf8')).split('\n');
    const tasks = join(folder, 'tasks.jsonl');
    await writeFile(tasks, `${task}\n`);
    request = { only: ['memory', 'accuracy'], threads: 1, tasks, chunks: 2, context: 16, gpu: 'off' };
  });

  afterAll(async () => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    await rm(folder, { recursive: true });
  });

  it('leave no process, open file, temporary file or listener', async () => {
    const { signal } = new AbortController();
    let steps = 0;
    await compare(refs, { ...request, signal, progress: ({ kind }) => kind === 'step' && steps++ });
    const first = leftovers();
    expect(first.temporary).toBe(0);
    for (let run = 0; run < 2; run++) {
      const { variants } = await compare(refs, { ...request, signal });
      expect(variants.map(({ name, status }) => [name, status])).toEqual([['Q2_K', 'ok']]);
    }
    const { openFiles, children, temporary, listeners } = leftovers();
    expect({ openFiles, children, temporary, listeners }).toEqual({
      openFiles: first.openFiles,
      children: first.children,
      temporary: 0,
      listeners: first.listeners,
    });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(steps).toBeGreaterThan(3);
  });

  it('leave nothing where they are aborted halfway either', async () => {
    const first = leftovers();
    for (const at of [1, 3, 6]) {
      const controller = new AbortController();
      let left: number = at;
      const aborted = compare(refs, {
        ...request,
        signal: controller.signal,
        progress: ({ kind }) => {
          if (kind === 'step' && --left === 0) controller.abort();
        },
      });
      expect(await aborted.catch((thrown: unknown) => thrown)).toBe(controller.signal.reason);
      expect(controller.signal.aborted).toBe(true);
      const { openFiles, children, temporary } = leftovers();
      expect({ openFiles, children, temporary }).toEqual({
        openFiles: first.openFiles,
        children: first.children,
        temporary: 0,
      });
    }
  });
});
