import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candidateCounts, chooseThreads, findThreads } from '../../src/measure/threads.ts';
import { fakeEngine } from '../helpers/fake-engine.ts';

describe('candidateCounts', () => {
  it('tries every count of a small machine, and powers of two of a large one', () => {
    expect(candidateCounts(2, 2)).toEqual([1, 2]);
    expect(candidateCounts(8, 4)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(candidateCounts(64, 24)).toEqual([1, 2, 4, 8, 16, 24, 32, 64]);
  });

  it('is ascending, within the machine and holds llama.cpp’s own choice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 1, max: 300 }), (cores, math) => {
        const counts = candidateCounts(cores, math);
        expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
        expect(counts[0]).toBe(1);
        expect(counts.at(-1)).toBe(cores);
        expect(counts).toContain(Math.min(cores, math));
      }),
    );
  });
});

describe('chooseThreads', () => {
  it('chooses for prompts and for generation apart', () => {
    const { promptThreads, generationThreads } = chooseThreads([
      { threads: 4, promptTps: 80, generationTps: 18 },
      { threads: 8, promptTps: 120, generationTps: 12 },
      { threads: 2, promptTps: 40, generationTps: 14 },
    ]);
    expect([promptThreads, generationThreads]).toEqual([8, 4]);
  });

  it('takes the fewer of counts that are level', () => {
    const { promptThreads, generationThreads } = chooseThreads([
      { threads: 4, promptTps: 100, generationTps: 20 },
      { threads: 3, promptTps: 99, generationTps: 19 },
    ]);
    expect([promptThreads, generationThreads]).toEqual([3, 4]);
  });
});

describe('findThreads', () => {
  it('starts with llama.cpp’s own choice and tries every count while none is clearly slower', async () => {
    const session = await fakeEngine()({ gpu: 'off', callTimeoutMs: 1000 });
    const model = await session.loadModel({ path: 'model', gpuLayers: 0 });
    const options = {
      sequences: 1,
      batchSize: 512,
      flashAttention: 'auto',
      keyType: 'f16',
      valueType: 'f16',
    } as const;
    const found = await findThreads(session, model, options, 4, 42);
    expect(found.tried.map(({ threads }) => threads)).toEqual([1, 2, 3, 4]);
    // The fake engine is as fast with any count.
    expect([found.promptThreads, found.generationThreads]).toEqual([1, 1]);
  });
});
