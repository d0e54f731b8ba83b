import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  ContentScan,
  dequantize,
  footprint,
  openFile,
  readHeader,
  scanSource,
  tensorExtents,
  validateFile,
  verdictOf,
  viewsOf,
} from '../src/index.ts';
import { nanoPath } from './helpers/nano.ts';

describe('the library', () => {
  it('reads a header, estimates memory and dequantizes a tensor', async () => {
    await using source = await openFile(nanoPath('Q4_K_M'));
    const header = await readHeader(source);
    expect(footprint(header, { contextSize: 512 })?.kvBytes).toBe(2 * 2 ** 20);
    expect(footprint(header, { contextSize: 512, cacheType: 'q8_0' })?.kvBytes).toBe((2 * 2 ** 20 * 34) / 64);
    const tensor = header.tensors.find(({ name }) => name === 'blk.0.attn_output.weight');
    if (tensor === undefined) throw new Error('no such tensor');
    const start = header.dataOffset + tensor.offset;
    const weights = dequantize(tensor.type, await source.read(start, start + tensor.sizeBytes));
    expect(weights).toHaveLength(tensor.elements);
    expect(weights.every(Number.isFinite)).toBe(true);
  });

  it('judges a file by its header alone, and by its content where that was scanned', async () => {
    await using source = await openFile('fixtures/malformed/content.nan.gguf');
    const facts = { name: 'model.gguf', fileBytes: source.byteLength, scan: await scanSource(source) };
    expect(verdictOf(validateFile(facts))).toBe('ok');
    const bytes = await readFile('fixtures/malformed/content.nan.gguf');
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    const scan = new ContentScan(tensorExtents(facts.scan));
    scan.feed(viewsOf(padded.buffer), bytes.length, 0);
    const content = { sha256: null, tensors: scan.results() };
    const broken = validateFile({ ...facts, content }).filter(({ severity }) => severity === 'error');
    expect(broken.map(({ rule }) => rule)).toEqual(['content/nan']);
  });
});
