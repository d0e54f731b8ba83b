import { truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { LlamaBaseReader } from '../../src/measure/llama-base.ts';
import { isSavedReference, openSavedReference } from '../../src/measure/saved-reference.ts';
import { scratchFolder } from '../helpers/cli.ts';

const CONTEXT = 8;
const VOCABULARY = 5;

/** As llama-perplexity writes it: head, tokens, then scale, lowest ln p and quants of each scored position. */
function baseFile(
  tokens: readonly number[][],
  logProbs: (chunk: number, position: number) => number[],
): Buffer {
  const int32 = (values: number[]) => Buffer.from(Int32Array.from(values).buffer);
  const parts = [Buffer.from('_logits_'), int32([CONTEXT, VOCABULARY, tokens.length]), int32(tokens.flat())];
  for (const chunk of tokens.keys()) {
    for (let position = 0; position < CONTEXT - 1 - CONTEXT / 2; position++) {
      const values = logProbs(chunk, position);
      const highest = Math.max(...values);
      const lowest = Math.max(Math.min(...values), highest - 16);
      const scale = (highest - lowest) / 65535;
      const quants = values.map((value) =>
        scale === 0 ? 0 : Math.max(0, Math.round((value - lowest) / scale)),
      );
      parts.push(Buffer.from(Float32Array.of(scale, lowest).buffer));
      parts.push(Buffer.from(Uint16Array.from([...quants, 0]).buffer));
    }
  }
  return Buffer.concat(parts);
}

const tokens = [
  [1, 2, 3, 4, 0, 1, 2, 3],
  [2, 3, 4, 0, 1, 2, 3, 4],
];
const softmax = (logits: number[]) => {
  const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
  return logits.map((logit) => logit - sum);
};
const scores = (chunk: number, position: number) =>
  softmax([position, -1, chunk, 0.5, position === 2 ? -30 : 2]);

describe("llama-perplexity's base file", () => {
  it('gives tokens and distributions back, and leaves out what it clipped', async () => {
    await using scratch = await scratchFolder();
    const path = scratch.path('base.kld');
    await writeFile(path, baseFile(tokens, scores));
    expect(await isSavedReference(path)).toBe(true);
    await using reader = await LlamaBaseReader.open(path);
    expect(reader).toMatchObject({ contextSize: CONTEXT, vocabularySize: VOCABULARY });
    expect(reader.tokens.map((chunk) => Array.from(chunk))).toEqual(tokens);
    for (const chunk of tokens.keys()) {
      const { positions, logProbs, nextLogProb, topToken } = await reader.next();
      expect(positions).toBe(3);
      for (let position = 0; position < positions; position++) {
        const expected = scores(chunk, position);
        for (const [token, logProb] of expected.entries()) {
          const stored = logProbs[position * VOCABULARY + token] ?? Number.NaN;
          if (logProb < -16) expect(stored).toBe(Number.NEGATIVE_INFINITY);
          else expect(stored).toBeCloseTo(logProb, 3);
        }
        expect(topToken[position]).toBe(expected.indexOf(Math.max(...expected)));
        // Position 4 of the chunk is the first that is scored; it predicts token 5.
        const next = expected[tokens[chunk]?.[5 + position] ?? 0] ?? 0;
        expect(nextLogProb[position]).toBeCloseTo(Math.max(next, Math.max(...expected) - 16), 3);
      }
    }
    await expect(reader.next()).rejects.toMatchObject({ code: 'reference/invalid' });
  });

  it('stands as a reference without a row', async () => {
    await using scratch = await scratchFolder();
    const path = scratch.path('base.kld');
    await writeFile(path, baseFile(tokens, scores));
    const saved = await openSavedReference(path);
    expect(saved).toMatchObject({ name: 'base.kld', row: null, method: 'exact', vocabularySize: VOCABULARY });
  });

  it.each([
    ['cut off', (file: Buffer) => file.subarray(0, file.length - 1), /need [\d,]+ bytes, it has/],
    [
      'longer than it says',
      (file: Buffer) => Buffer.concat([file, Buffer.of(0)]),
      /need [\d,]+ bytes, it has/,
    ],
    [
      'of another kind',
      (file: Buffer) => Buffer.concat([Buffer.from('_ligots_'), file.subarray(8)]),
      /does not begin/,
    ],
    [
      'with an impossible vocabulary',
      (file: Buffer) => patched(file, 12, -5),
      /it says -5 tokens in the vocabulary/,
    ],
    [
      'with an immense number of chunks',
      (file: Buffer) => patched(file, 16, 2 ** 31 - 1),
      /it says 2147483647 chunks/,
    ],
    ['of a few bytes', (file: Buffer) => file.subarray(0, 10), /it has 10 bytes/],
  ])('is refused when %s', async (_, damage, message) => {
    await using scratch = await scratchFolder();
    const path = scratch.path('base.kld');
    await writeFile(path, damage(baseFile(tokens, scores)));
    await expect(LlamaBaseReader.open(path)).rejects.toMatchObject({
      code: 'reference/invalid',
      message: expect.stringMatching(message),
    });
  });

  it('is refused when it loses its end while it is read', async () => {
    await using scratch = await scratchFolder();
    const path = scratch.path('base.kld');
    const file = baseFile(tokens, scores);
    await writeFile(path, file);
    await using reader = await LlamaBaseReader.open(path);
    await truncate(path, file.length - 10);
    await reader.next();
    await expect(reader.next()).rejects.toMatchObject({ code: 'reference/invalid' });
  });
});

function patched(file: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(file);
  copy.writeInt32LE(value, at);
  return copy;
}
