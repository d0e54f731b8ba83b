import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ReferenceFingerprint,
  ReferenceReader,
  type ReferenceScores,
  ReferenceWriter,
} from '../../src/measure/reference-store.ts';
import { scratchFolder } from '../helpers/cli.ts';

const fingerprint: ReferenceFingerprint = {
  modelSha256: 'a'.repeat(64),
  textSha256: 'b'.repeat(64),
  contextSize: 512,
  chunks: 2,
  kind: 'kept',
};

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
      fc.asyncProperty(fc.array(fc.oneof(kept, full), { maxLength: 4 }), async (chunks) => {
        const path = scratch.path('reference');
        await using writer = await ReferenceWriter.create(path, fingerprint);
        for (const chunk of chunks) await writer.append(chunk);
        await writer.finish();
        await using reader = await ReferenceReader.open(path);
        expect(reader.fingerprint).toEqual(fingerprint);
        for (const chunk of chunks) expect(await reader.next()).toEqual(chunk);
        await expect(reader.next()).rejects.toMatchObject({ code: 'reference/invalid' });
      }),
      { numRuns: 30 },
    );
  });

  it('leaves nothing behind when it is not finished', async () => {
    await using scratch = await scratchFolder();
    {
      await using writer = await ReferenceWriter.create(scratch.path('reference'), fingerprint);
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
    await using writer = await ReferenceWriter.create(path, fingerprint);
    await writer.append({
      kind: 'full',
      positions: 2,
      vocabularySize: 3,
      nextLogProb: Float64Array.of(-1, -2),
      topToken: Uint32Array.of(0, 1),
      logProbs: new Float32Array(6).fill(-1),
    });
    await writer.finish();
    const short = scratch.path('short');
    await writeFile(short, await readFile(path));
    await truncate(short, 300);
    await using reader = await ReferenceReader.open(short);
    await expect(reader.next()).rejects.toThrow(/ends at byte 300/);
  });
});
