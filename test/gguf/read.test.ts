import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  GgufError,
  getArray,
  getNumbers,
  getStrings,
  parseHeader,
  readHeader,
  scanHeader,
  scanSource,
  type WritableValue,
  writeHeader,
  writeModelBytes,
} from '../../src/gguf/index.ts';
import { openFile } from '../../src/io/index.ts';
import { MemorySource } from '../helpers/memory-source.ts';
import { nanoPath } from '../helpers/nano.ts';
import { sampleModel, text, u32 } from './sample-model.ts';

/** Strings that become longer with their index, as those of a vocabulary do. */
function tokens(count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    `Ġ${index.toString(36)}`.padEnd(3 + Math.log2(index + 1), 'x'),
  );
}

function vocabularyHeader(model: string, tokenCount: number, mergeCount: number): Uint8Array {
  const list = tokens(tokenCount);
  const numbers = new Array<number>(tokenCount).fill(1);
  const merges = Array.from(
    { length: mergeCount },
    (_, index) => `${list[index % 5000]} ${list[index % tokenCount]}`,
  );
  const metadata: [string, WritableValue][] = [
    ['general.architecture', text('llama')],
    ['llama.block_count', u32(32)],
    ['tokenizer.ggml.model', text(model)],
    ['tokenizer.ggml.tokens', { type: 'array', elementType: 'string', values: list }],
  ];
  if (model === 'llama')
    metadata.push(['tokenizer.ggml.scores', { type: 'array', elementType: 'float32', values: numbers }]);
  metadata.push(['tokenizer.ggml.token_type', { type: 'array', elementType: 'int32', values: numbers }]);
  if (mergeCount > 0)
    metadata.push(['tokenizer.ggml.merges', { type: 'array', elementType: 'string', values: merges }]);
  const tensors = Array.from({ length: 290 }, (_, index) => ({
    name: `blk.${index}.ffn_down.weight`,
    type: 'Q4_K' as const,
    shape: [256, 64],
  }));
  return writeHeader({ metadata, tensors });
}

/** A source that pretends to go on long after the bytes at hand, and counts. */
function longSource(bytes: Uint8Array): MemorySource {
  const whole = new Uint8Array(bytes.length + 40e6);
  whole.set(bytes);
  return new MemorySource(whole, 'long.gguf');
}

/** In one native call: matchers compare megabytes an element at a time. */
function areSame(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** A source that gives bytes again, as a local file does, and lists what it was asked for. */
function rereadableSource(bytes: Uint8Array) {
  const again: [start: number, end: number][] = [];
  const readAgain = (start: number, end: number): Uint8Array => {
    again.push([start, end]);
    return bytes.slice(start, end);
  };
  return { source: Object.assign(new MemorySource(bytes), { readAgain }), again };
}

describe('reading a header by windows', () => {
  it('takes one read for the embedded models', async () => {
    const source = new MemorySource(readFileSync(nanoPath('F16')));
    const header = await readHeader(source);
    expect(header.tensors).toHaveLength(27);
    expect(source.reads).toHaveLength(1);
  });

  it.each([
    ['a BPE vocabulary with two merges a token', vocabularyHeader('gpt2', 128_000, 256_000)],
    ['a BPE vocabulary with one merge a token', vocabularyHeader('gpt2', 150_000, 150_000)],
    ['a BPE vocabulary without merges', vocabularyHeader('gpt2', 300_000, 0)],
    ['a SentencePiece vocabulary', vocabularyHeader('llama', 250_000, 0)],
    ['a vocabulary of an unknown kind', vocabularyHeader('', 300_000, 0)],
  ])('takes at most 4 reads and 1.3 times the bytes for %s', async (_, bytes) => {
    const source = longSource(bytes);
    const header = await readHeader(source, { dataChecks: false });
    expect(header.tensors).toHaveLength(290);
    expect(source.reads.length).toBeLessThanOrEqual(4);
    expect(source.bytesRead / bytes.length).toBeLessThanOrEqual(1.3);
  });

  it('finds what parsing the whole file finds, wherever the windows end', async () => {
    const bytes = writeModelBytes(sampleModel());
    const whole = parseHeader(bytes);
    for (let firstWindowBytes = 1; firstWindowBytes < 700; firstWindowBytes += 7) {
      const header = await readHeader(new MemorySource(bytes), { firstWindowBytes });
      expect([...header.metadata.keys()]).toEqual([...whole.metadata.keys()]);
      expect(header.tensors).toEqual(whole.tensors);
      expect(header.metadata.get('tokenizer.ggml.tokens')?.value).toMatchObject({ length: 5 });
    }
  });

  it('reports each issue once, though an item is read again when a window ends in it', async () => {
    const metadata: [string, WritableValue][] = [
      ['\u0000', text('x'.repeat(5000))],
      ['b', { type: 'uint8', value: 1 }],
    ];
    const bytes = writeModelBytes({ metadata, tensors: [] });
    const expected = scanHeader(bytes).issues;
    expect(expected).toHaveLength(1);
    expect((await scanSource(new MemorySource(bytes), { firstWindowBytes: 64 })).issues).toEqual(expected);
  });

  it('slides small windows along a file that can be read again, and keeps no array of it', async () => {
    const bytes = vocabularyHeader('gpt2', 128_000, 256_000);
    const whole = parseHeader(bytes, { dataChecks: false });
    // Other first windows let the later ones end in other strings.
    for (const firstWindowBytes of [1, 100, 4096, 262_144, 500_001]) {
      const { source, again } = rereadableSource(bytes);
      const header = await readHeader(source, { firstWindowBytes, dataChecks: false });
      expect(again).toEqual([]);
      expect(source.reads.every(([start, end]) => end - start <= 2 ** 20)).toBe(true);
      expect(source.bytesRead / bytes.length).toBeLessThan(1.1);
      expect(header.tensors).toEqual(whole.tensors);
      expect(header.keyOffsets).toEqual(whole.keyOffsets);
      expect(header.sections).toEqual(whole.sections);
      for (const [key, expected] of whole.metadata) {
        const own = header.metadata.get(key);
        if (expected.type !== 'array') expect(own).toEqual(expected);
        else expect(own?.type === 'array' && areSame(own.value.encoded, expected.value.encoded)).toBe(true);
      }
      expect(again).toHaveLength(3);
    }
  });

  it.each(['string', 'int32'] as const)(
    'ends where the header does, though it ends with an array of %ss and no tensor follows',
    async (elementType) => {
      const count = 300_000;
      const last: WritableValue =
        elementType === 'string'
          ? { type: 'array', elementType, values: tokens(count) }
          : { type: 'array', elementType, values: new Array<number>(count).fill(1) };
      const metadata: [string, WritableValue][] = [
        ['general.architecture', text('llama')],
        ['a.last', last],
      ];
      const bytes = writeModelBytes({ metadata, tensors: [] });
      const whole = parseHeader(bytes);
      for (const firstWindowBytes of [100, 4096, 262_144]) {
        const header = await readHeader(rereadableSource(bytes).source, { firstWindowBytes });
        expect(header.sections).toEqual(whole.sections);
        expect(header.dataOffset).toBe(whole.dataOffset);
        expect(header.issues).toEqual([]);
      }
    },
  );

  it('takes a window as large as an item that fits no other', async () => {
    const long = 'x'.repeat(3 * 2 ** 20);
    const metadata: [string, WritableValue][] = [
      ['general.architecture', text('llama')],
      ['tokenizer.chat_template', text(long)],
      ['tokenizer.ggml.tokens', { type: 'array', elementType: 'string', values: ['a', long, 'b'] }],
    ];
    const { source } = rereadableSource(writeModelBytes({ metadata, tensors: [] }));
    const header = await readHeader(source);
    expect(header.metadata.get('tokenizer.chat_template')?.value).toBe(long);
    expect(getStrings(header, 'tokenizer.ggml.tokens')).toEqual(['a', long, 'b']);
  });

  it('says where a bool of an array is wrong that is no longer in hand', async () => {
    const metadata: [string, WritableValue][] = [
      ['a.bools', { type: 'array', elementType: 'bool', values: [true, false, true] }],
      ['a.text', text('x'.repeat(2 ** 20))],
      ['b.text', text('y'.repeat(2 ** 20))],
    ];
    const bytes = writeModelBytes({ metadata, tensors: [] });
    // Fixed part 24, key length 8, key 7, value type 4, element type 4, count 8.
    const offset = 24 + 8 + 7 + 4 + 4 + 8 + 1;
    bytes[offset] = 7;
    const { source } = rereadableSource(bytes);
    const { issues } = await scanSource(source, { firstWindowBytes: 64 });
    expect(issues).toEqual(scanHeader(bytes).issues);
    expect(issues).toMatchObject([{ code: 'metadata/bool', offset }]);
  });

  it('has the arrays of a local file after the file was closed', async () => {
    const bytes = vocabularyHeader('llama', 100_000, 0);
    const path = join(await mkdtemp(join(tmpdir(), 'quantscope-read-')), 'large.gguf');
    await writeFile(path, bytes);
    const source = await openFile(path);
    const header = await readHeader(source, { dataChecks: false });
    await source[Symbol.asyncDispose]();
    const whole = parseHeader(bytes, { dataChecks: false });
    const tokensOf = (of: typeof header): Uint8Array =>
      getArray(of, 'tokenizer.ggml.tokens')?.encoded ?? new Uint8Array();
    expect(areSame(tokensOf(header), tokensOf(whole))).toBe(true);
    await writeFile(path, 'another file');
    expect(() => getNumbers(header, 'tokenizer.ggml.scores')).toThrow(/changed after its header was read/);
    // What was asked for before is kept.
    expect(areSame(tokensOf(header), tokensOf(whole))).toBe(true);
  });

  it('reads a local file through an open handle', async () => {
    await using source = await openFile(nanoPath('Q2_K'));
    expect((await readHeader(source)).issues).toEqual([]);
  });

  it('throws the first error with the name of the file', async () => {
    const source = new MemorySource(
      new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n'),
      'a.gguf',
    );
    const error = await readHeader(source).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GgufError);
    expect(error).toMatchObject({
      code: 'header/magic',
      message:
        'a.gguf: the file is a Git LFS pointer, not the file it points to; it begins with "vers", expected "GGUF" (byte 0)',
      hint: expect.stringContaining('quantscope pull hf:OWNER/REPO/FILE'),
    });
  });

  it('does not fetch what an array claims to have, only what is there', async () => {
    const [start, end] = [writeHeader({ metadata: [['a', text('')]], tensors: [] }), 8];
    const bytes = new Uint8Array(2_000_000);
    bytes.set(start.subarray(0, 24));
    const view = new DataView(bytes.buffer);
    view.setBigUint64(24, 1n, true);
    bytes[32] = 0x61;
    view.setUint32(33, 9, true);
    view.setUint32(37, end, true);
    view.setBigUint64(41, 2n ** 62n, true);
    const source = new MemorySource(bytes);
    await expect(readHeader(source)).rejects.toMatchObject({
      code: 'metadata/array-length',
      offset: 41,
      key: 'a',
    });
    expect(source.reads).toHaveLength(1);
  });

  it('refuses a header past the limit before memory is given to it', async () => {
    const source: MemorySource = longSource(vocabularyHeader('gpt2', 100_000, 100_000));
    await expect(readHeader(source, { limits: { headerBytes: 1_000_000 } })).rejects.toMatchObject({
      code: 'header/too-large',
    });
    expect(source.bytesRead).toBeLessThan(1_300_000);
  });

  it('stops when the signal says so', async () => {
    const source = new MemorySource(readFileSync(nanoPath('F16')));
    const reason = new Error('stopped by the user');
    await expect(readHeader(source, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('passes on what the source throws', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quantscope-'));
    const path = join(folder, 'short.gguf');
    await writeFile(path, readFileSync(nanoPath('F16')).subarray(0, 300_000));
    await using source = await openFile(path);
    await writeFile(path, 'GGUF');
    await expect(readHeader(source)).rejects.toMatchObject({ code: 'io/short-read' });
  });
});
