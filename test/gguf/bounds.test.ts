import { describe, expect, it } from 'vitest';
import { modelFacts } from '../../src/gguf/facts.ts';
import {
  type GgufHeader,
  getNumbers,
  getStrings,
  parseHeader,
  readHeader,
  scanHeader,
} from '../../src/gguf/index.ts';
import type { ByteSource } from '../../src/io/byte-source.ts';

const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
const u64 = (value: number): Uint8Array => new Uint8Array(new BigUint64Array([BigInt(value)]).buffer);
const text = (value: string): Uint8Array =>
  Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** A file whose one large array has elements of 4 bytes, all 8. */
function withArray(key: string, length: number): Uint8Array {
  return withPairs([
    [text('general.architecture'), u32(8), text('llama')],
    [text('llama.block_count'), u32(4), u32(3)],
    [text(key), u32(9), u32(4), u64(length), new Uint8Array(new Uint32Array(length).fill(8).buffer)],
  ]);
}

function withPairs(pairs: readonly (readonly Uint8Array[])[]): Uint8Array {
  return Buffer.concat([Buffer.from('GGUF'), u32(3), u64(0), u64(pairs.length), ...pairs.flat()]);
}

/** What of a file was read again, since none of its arrays is kept. */
function rereadable(bytes: Uint8Array): { source: ByteSource; reread: () => number } {
  let reread = 0;
  const source: ByteSource = {
    name: 'memory',
    byteLength: bytes.length,
    read: async (start, end) => bytes.slice(start, end),
    readAgain: (start, end) => {
      reread += end - start;
      return bytes.slice(start, end);
    },
    [Symbol.asyncDispose]: async () => {},
  };
  return { source, reread: () => reread };
}

describe('a count that a file chooses', () => {
  it('of numbers about layers is read up to the layers', async () => {
    const { source, reread } = rereadable(withArray('llama.attention.head_count_kv', 2_000_000));
    const header = await readHeader(source);
    expect(modelFacts(header).kvHeadsByLayer).toEqual([8, 8, 8]);
    expect(getNumbers(header, 'llama.attention.head_count_kv')).toHaveLength(4096);
    expect(reread()).toBeLessThan(4 * 2 ** 20);
  });

  it('of an array leaves it a view, whose pieces are read one by one', async () => {
    const length = 2_000_000;
    const { source } = rereadable(withArray('any.key', length));
    const value = (await readHeader(source)).metadata.get('any.key');
    if (value?.type !== 'array') throw new Error('not an array');
    let bytes = 0;
    for (const piece of value.value.pieces()) {
      expect(piece.length).toBeLessThanOrEqual(512 * 1024);
      bytes += piece.length;
    }
    expect(bytes).toBe(4 * length);
    expect(value.value.at(length - 1)).toBe(8);
    expect(value.value.slice(length - 2, length + 5)).toEqual([8, 8]);
  });

  it('of texts in an array has a limit', () => {
    const bytes = withPairs([
      [text('a'), u32(9), u32(8), u64(2 ** 22 + 1), new Uint8Array(8 * (2 ** 22 + 1))],
    ]);
    expect(issueOf(bytes)).toMatch(/4194305 texts, the limit is 4194304/);
  });

  it('of bytes in single texts has a limit, together with the keys', () => {
    const long = 'x'.repeat(9 * 2 ** 20);
    const bytes = withPairs(['a', 'b'].map((key) => [text(key), u32(8), text(long)]));
    expect(issueOf(bytes)).toMatch(/key "b": the texts of the header up to it take more than 16777216 bytes/);
  });

  it('of bytes of one text in an array has a limit', () => {
    const long = text('x'.repeat(4 * 2 ** 20 + 1));
    expect(issueOf(withPairs([[text('a'), u32(9), u32(8), u64(1), long]]))).toMatch(
      /at most 4194304 are read/,
    );
  });

  it('of tags yields the first of them', () => {
    const bytes = withPairs([
      [text('a'), u32(9), u32(8), u64(1000), ...Array.from({ length: 1000 }, () => text('t'))],
    ]);
    expect(getStrings(parseHeader(bytes) as GgufHeader, 'a')).toHaveLength(256);
  });
});

function issueOf(bytes: Uint8Array): string {
  const { issues } = scanHeader(bytes);
  expect(issues.map(({ code }) => code)).toEqual(['header/too-large']);
  return issues[0]?.message ?? '';
}
