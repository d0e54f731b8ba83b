import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cachedSource, MemorySource } from '../../src/io/index.ts';

const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index & 255);

describe('a cached source', () => {
  it('gives the bytes of its source, whatever is asked for', async () => {
    const window = fc
      .tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 1000 }))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    await fc.assert(
      fc.asyncProperty(
        fc.array(window, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 300 }),
        async (windows, blockBytes) => {
          const cache = cachedSource(new MemorySource(bytes), { blockBytes, maximumBytes: 600 });
          for (const [start, end] of windows)
            expect(await cache.read(start, end)).toEqual(bytes.slice(start, end));
        },
      ),
    );
  });

  it('does not ask twice for what it holds, and fetches neighbours together', async () => {
    const source = new MemorySource(bytes);
    const cache = cachedSource(source, { blockBytes: 100 });
    await cache.read(250, 450);
    await cache.read(200, 500);
    expect(source.reads).toEqual([[200, 500]]);
    await cache.read(150, 650);
    expect(source.reads).toEqual([
      [200, 500],
      [100, 200],
      [500, 700],
    ]);
  });

  it('forgets what was used longest ago', async () => {
    const source = new MemorySource(bytes);
    const cache = cachedSource(source, { blockBytes: 100, maximumBytes: 200 });
    for (const start of [0, 100, 0, 200, 0, 100]) await cache.read(start, start + 100);
    expect(source.reads.map(([start]) => start)).toEqual([0, 100, 200, 100]);
  });

  it('passes a window past the end on to its source', async () => {
    const cache = cachedSource(new MemorySource(bytes));
    await expect(cache.read(900, 1100)).rejects.toMatchObject({ code: 'io/short-read' });
  });
});
