import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ReferenceHead,
  ReferenceReader,
  type ReferenceScores,
  ReferenceWriter,
} from '../../src/measure/reference-store.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { nanoVariant } from '../helpers/results.ts';

const CONTEXT = 4;

const headOf = (chunks: number): ReferenceHead => ({
  createdAt: '2026-01-01T00:00:00.000Z',
  textSha256: 'b'.repeat(64),
  tasksSha256: 'c'.repeat(64),
  contextSize: CONTEXT,
  chunks,
  kind: 'kept',
  tokenizer: {
    vocabularySize: 7,
    tokenizerModel: 'llama',
    preTokenizer: null,
    addBosToken: true,
    bosTokenId: 1,
    tokens: 'd',
    scores: null,
    tokenTypes: null,
    merges: null,
  },
});

const tokensOf = (chunks: number) =>
  Array.from({ length: chunks }, (_, i) => Uint32Array.of(1, i, i + 1, i + 2));

const logProb = fc.double({ min: -50, max: 0, noNaN: true });
const token = fc.nat(1_000_000);

const kept = fc
  .array(
    fc.record({ next: logProb, top: token, entries: fc.array(fc.tuple(token, logProb), { maxLength: 5 }) }),
    {
      maxLength: 6,
    },
  )
  .map((positions): ReferenceScores => {
    const offsets = new Uint32Array(positions.length + 1);
    for (const [i, { entries }] of positions.entries()) offsets[i + 1] = (offsets[i] ?? 0) + entries.length;
    const entries = positions.flatMap((position) => position.entries);
    return {
      kind: 'kept',
      positions: positions.length,
      nextLogProb: Float64Array.from(positions, ({ next }) => next),
      topToken: Uint32Array.from(positions, ({ top }) => top),
      offsets,
      tokens: Uint32Array.from(entries, ([id]) => id),
      logProbs: Float64Array.from(entries, ([, value]) => value),
    };
  });

const full = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.array(logProb, { minLength: 0, maxLength: 5 })).map(
  ([vocabularySize, next]): ReferenceScores => ({
    kind: 'full',
    positions: next.length,
    vocabularySize,
    nextLogProb: Float64Array.from(next),
    topToken: new Uint32Array(next.length),
    logProbs: new Float32Array(next.length * vocabularySize).map((_, i) => -i / 3),
  }),
);

describe('the reference store', () => {
  it('gives back every chunk as it was written', async () => {
    await using scratch = await scratchFolder();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(kept, full), { minLength: 1, maxLength: 4 }), async (chunks) => {
        const path = scratch.path('reference');
        const head = headOf(chunks.length);
        await using writer = await ReferenceWriter.create(path, head, tokensOf(chunks.length));
        for (const chunk of chunks) await writer.append(chunk);
        await writer.finish(null);
        await using reader = await ReferenceReader.open(path);
        expect(reader.head).toEqual(head);
        expect(reader.tokens).toEqual(tokensOf(chunks.length));
        for (const chunk of chunks) expect(await reader.next()).toEqual(chunk);
        await expect(reader.next()).rejects.toMatchObject({ code: 'reference/invalid' });
      }),
      { numRuns: 30 },
    );
  });

  it('gives the row of a store that was kept, and says so when there is none', async () => {
    await using scratch = await scratchFolder();
    const row = nanoVariant('F16');
    for (const kept of [row, null]) {
      const path = scratch.path(kept === null ? 'bare' : 'kept');
      await using writer = await ReferenceWriter.create(path, headOf(2), tokensOf(2));
      for (const chunk of [1, 2]) {
        await writer.append({
          kind: 'full',
          positions: 1,
          vocabularySize: 2,
          nextLogProb: Float64Array.of(-chunk),
          topToken: Uint32Array.of(0),
          logProbs: new Float32Array(2),
        });
      }
      await writer.finish(kept);
      await using reader = await ReferenceReader.open(path);
      if (kept === null) await expect(reader.row()).rejects.toMatchObject({ code: 'reference/invalid' });
      else expect(await reader.row()).toEqual(kept);
      expect((await reader.next()).nextLogProb).toEqual(Float64Array.of(-1));
    }
  });

  it('leaves nothing behind when it is not finished', async () => {
    await using scratch = await scratchFolder();
    {
      await using writer = await ReferenceWriter.create(scratch.path('reference'), headOf(1), tokensOf(1));
      await writer.append({
        kind: 'full',
        positions: 0,
        vocabularySize: 1,
        nextLogProb: new Float64Array(),
        topToken: new Uint32Array(),
        logProbs: new Float32Array(),
      });
    }
    expect(await readdir(scratch.folder)).toEqual([]);
  });

  it('says so when a file is no store, or ends early', async () => {
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('other'), 'a text that is long enough to hold a magic');
    await expect(ReferenceReader.open(scratch.path('other'))).rejects.toMatchObject({
      code: 'reference/invalid',
    });

    const path = scratch.path('reference');
    await using writer = await ReferenceWriter.create(path, headOf(1), tokensOf(1));
    await writer.append({
      kind: 'full',
      positions: 2,
      vocabularySize: 3,
      nextLogProb: Float64Array.of(-1, -2),
      topToken: Uint32Array.of(0, 1),
      logProbs: new Float32Array(6).fill(-1),
    });
    await writer.finish(null);
    const short = scratch.path('short');
    await writeFile(short, await readFile(path));
    const whole = (await readFile(path)).length;
    await truncate(short, whole - 5);
    await using reader = await ReferenceReader.open(short);
    await expect(reader.next()).rejects.toThrow(/need \d+/);
  });
});
