import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { startEngineProcess } from '../../src/engine/index.ts';
import { measureDepths } from '../../src/measure/depth-run.ts';
import { depthText } from '../../src/measure/needles.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import type { DepthRow } from '../../src/schema/context.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';
import { realModel, withoutRealModels } from '../helpers/real-models.ts';

const text = await readFile(new URL('../../fixtures/general/text.txt', import.meta.url), 'utf8');

function taken({ measured }: DepthRow) {
  if (!isAvailable(measured)) throw new Error(measured.reason);
  return measured;
}

describe('the text of a depth', () => {
  it('has facts at even distances, the same last words, and each question with its number', async () => {
    await using session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 60_000 });
    const model = await session.loadModel({ path: nanoPath('Q8_0'), gpuLayers: 0, vocabularyOnly: true });
    const tokens = await session.tokenize(text, false);
    const [small, large] = await Promise.all(
      [2048, 4096].map((depth) => depthText(session, model, tokens, depth)),
    );
    if (small === undefined || large === undefined || 'missing' in small || 'missing' in large)
      throw new Error('too short');
    expect([small.tokens.length, large.tokens.length]).toEqual([2048, 4096]);
    const wordsOf = ({ tokens: all, window }: typeof small) => all.slice(window.from, window.to);
    expect(wordsOf(small)).toEqual(wordsOf(large));
    expect(wordsOf(small)).toHaveLength(256);
    expect(large.needles.map(({ at }) => at)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((place) => place / 8));
    const numbers = large.needles.map(({ answer: { from, to } }) =>
      [...large.tokens.slice(from, to)].join(' '),
    );
    expect(new Set(numbers).size).toBe(8);
    const hidden = [...large.tokens.slice(0, large.window.from)].join(' ');
    let before = -1;
    for (const number of numbers) {
      const place = hidden.indexOf(number);
      expect(place).toBeGreaterThan(before);
      before = place;
    }
    expect(await depthText(session, model, tokens.slice(0, 500), 4096)).toEqual({
      missing: expect.any(Number),
    });
  });
});

describe.skipIf(withoutRealModels)(`loss in full contexts [${withoutRealModels ?? ''}]`, () => {
  it('is measured against f16 at each depth, in memory that no depth times vocabulary fits', async () => {
    await using scratch = await scratchFolder();
    const rowsPath = scratch.path('rows');
    const grown: number[] = [];
    const rows = await measureDepths({
      depths: [1024],
      cacheTypes: ['f16', 'q4_0'],
      text,
      rowsPath,
      start: async () => {
        const session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 600_000 });
        const score = session.score.bind(session);
        const held = async () => {
          const { anonymousBytes, peakRssBytes } = await session.processMemory();
          return anonymousBytes ?? peakRssBytes;
        };
        return Object.assign(session, {
          score: async (request: Parameters<typeof score>[0]) => {
            const before = await held();
            const scores = await score(request);
            grown.push((await held()) - before);
            return scores;
          },
        });
      },
      load: (session) => session.loadModel({ path: realModel('smollm2'), gpuLayers: 0 }),
      contextOptions: (cacheType) => ({
        sequences: 1,
        batchSize: 512,
        threads: 1,
        flashAttention: cacheType === 'f16' ? 'auto' : 'on',
        keyType: cacheType,
        valueType: cacheType,
      }),
      hindrance: () => null,
      onStep: () => {},
    });
    expect(rows.map(({ depth, cacheType }) => `${depth} ${cacheType}`)).toEqual(['1024 f16', '1024 q4_0']);
    for (const row of rows) {
      const { positions, meanKld, sameTop, needles } = taken(row);
      expect(positions).toBe(256);
      expect(needles).toMatchObject({ total: 8 });
      expect(needles.found).toBe(needles.facts.filter(({ found }) => found).length);
      if (row.cacheType === 'f16') expect([meanKld, sameTop]).toEqual([0, 1]);
      else {
        expect(meanKld).toBeGreaterThan(0.0001);
        expect(meanKld).toBeLessThan(1);
      }
    }
    // The model can repeat what it read a thousand tokens ago.
    expect(rows[0] && taken(rows[0]).needles.found).toBeGreaterThan(0);
    // The logits of all positions would take 192 KB each; keys and values were allocated before.
    expect(grown).toHaveLength(2);
    for (const bytes of grown) expect(bytes).toBeLessThan(0.4 * 1024 * 49_152 * 4);
    expect(existsSync(rowsPath)).toBe(false);
  }, 600_000);
});
