import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutate, seededRandom } from '../../bench/mutate.ts';
import { GgufError, parseHeader, scanHeader, writeModelBytes } from '../../src/gguf/index.ts';
import { nanoPath } from '../helpers/nano.ts';
import { sampleModel } from './sample-model.ts';

const small = writeModelBytes(sampleModel());
const headerEnd = parseHeader(small).sections.tensorInfos.end;

/** Parses and decodes everything; lets nothing but a GgufError pass. */
function parseWhole(bytes: Uint8Array): GgufError | undefined {
  try {
    const { metadata } = parseHeader(bytes);
    for (const { type, value } of metadata.values()) if (type === 'array') value.toArray();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof GgufError) return thrown;
    throw thrown;
  }
}

describe('hostile files', () => {
  it('cut anywhere in the header are a GgufError that says where', () => {
    for (let length = 0; length < headerEnd; length++) {
      const error = parseWhole(small.slice(0, length));
      expect(error, `cut at ${length}`).toBeInstanceOf(GgufError);
      expect(error?.offset).toBeLessThanOrEqual(length);
      expect(error?.message).toContain(`(byte ${error?.offset})`);
    }
  });

  it('cut anywhere in the data are a GgufError', () => {
    for (let length = headerEnd; length < small.length; length++) {
      expect(parseWhole(small.slice(0, length))?.code, `cut at ${length}`).toMatch(/^data\//);
    }
  });

  it('with any single byte changed parse or are a GgufError', () => {
    for (let position = 0; position < headerEnd; position++) {
      const bytes = small.slice();
      const original = small[position] ?? 0;
      // Every bit of it flipped, and the values that mean most; bench/fuzz.ts tries all 256.
      const flipped = [1, 2, 4, 8, 16, 32, 64, 128].map((bit) => original ^ bit);
      for (const value of [...flipped, 0, 1, 9, 12, 13, 127, 255]) {
        bytes[position] = value;
        parseWhole(bytes);
      }
    }
  });

  it('made by random mutation parse or are a GgufError', () => {
    const random = seededRandom(20_260_101);
    for (let round = 0; round < 20_000; round++) parseWhole(mutate(small, random));
  });

  it('made of random bytes behind a valid magic parse or are a GgufError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.constantFrom(2, 3), (tail, version) => {
        parseWhole(Uint8Array.of(0x47, 0x47, 0x55, 0x46, version, 0, 0, 0, ...tail));
      }),
      { numRuns: 3000 },
    );
  });

  it('are scanned without a throw, and a scan has a header or the error that prevented it', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 5000; round++) {
      const scan = scanHeader(mutate(small, random));
      if (scan.header === null) expect(scan.issues.some(({ severity }) => severity === 'error')).toBe(true);
    }
  });

  it('with a real header changed at random parse or are a GgufError', () => {
    const real = readFileSync(nanoPath('Q4_K_M')).subarray(0, 36_000);
    const random = seededRandom(99);
    for (let round = 0; round < 300; round++) parseWhole(mutate(real, random));
  });

  it('that announce thousands of faults stop being read after the thousandth', () => {
    const metadata = Array.from(
      { length: 3000 },
      (_, index) => [`k${index}`, { type: 'uint8', value: 0 }] as const,
    );
    const bytes = writeModelBytes({ metadata, tensors: [] });
    const same = Buffer.from(
      Buffer.from(bytes)
        .toString('latin1')
        .replace(/k\d{4}/g, 'kkkkk'),
      'latin1',
    );
    const scan = scanHeader(same);
    expect(scan.issues).toHaveLength(1000);
    expect(scan.header).toBeNull();
  });
});
