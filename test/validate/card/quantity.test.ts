import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  intervalsOf,
  mayAgree,
  quantitiesIn,
  readingThatHolds,
} from '../../../src/validate/card/quantity.ts';

const only = (text: string) => {
  const [first, ...rest] = quantitiesIn(text);
  if (first === undefined || rest.length > 0) throw new Error(`${rest.length} more in ${text}`);
  return first;
};

describe('quantities on a card', () => {
  it.each([
    ['2.2GB', 'bytes', 2.2, 2.2],
    ['~3-4GB', 'bytes', 3, 4],
    ['1,416,203,264 bytes', 'bytes', 1_416_203_264, 1_416_203_264],
    ['2,2 GB', 'bytes', 2.2, 2.2],
    ['2 to 3 GiB', 'bytes', 2, 3],
    ['71%', 'percent', 71, 71],
    ['2-5 %', 'percent', 2, 5],
    ['4-bit', 'bits', 4, 4],
    ['4.5 bpw', 'bpw', 4.5, 4.5],
    ['4.85 bits per weight', 'bpw', 4.85, 4.85],
    ['3.8B', 'parameters', 3.8, 3.8],
    ['3.8 billion parameters', 'parameters', 3.8, 3.8],
    ['4096 tokens', 'tokens', 4096, 4096],
    ['4K', 'tokens', 4, 4],
    ['15-25 tokens/sec', 'rate', 15, 25],
    ['12.5 t/s', 'rate', 12.5, 12.5],
    ['3-4x', 'factor', 3, 4],
    ['32 transformer layers', 'layers', 32, 32],
    ['8 KV heads', 'kvHeads', 8, 8],
    ['32 attention heads', 'heads', 32, 32],
    ['~50ms', 'time', 50, 50],
  ] as const)('reads %s', (text, unit, low, high) => {
    expect(only(text)).toMatchObject({ unit, low, high, text });
  });

  it.each(['Q4_K_M', 'Phi-3-mini-4k-instruct', 'Llama-3.2-1B', 'model-00001-of-00003.gguf', 'iPhone14,2'])(
    'finds none in the name %s',
    (text) => {
      expect(quantitiesIn(text)).toEqual([]);
    },
  );

  it('holds GB in decimal and binary units, GiB in binary ones alone', () => {
    const bytes = 2_393_231_360;
    expect(readingThatHolds(only('2.2 GB'), bytes)?.reading.name).toBe('GiB');
    expect(readingThatHolds(only('2.39 GB'), bytes)?.reading.name).toBe('GB');
    expect(readingThatHolds(only('2.39 GiB'), bytes)).toBeUndefined();
    expect(readingThatHolds(only('2.3 GB'), bytes)).toBeUndefined();
    expect(readingThatHolds(only('~2.3 GB'), bytes)?.reading.name).toBe('GB');
  });

  it('is no bandwidth', () => {
    expect(quantitiesIn('51.2 GB/s').every(({ unit }) => unit !== 'bytes')).toBe(true);
  });

  it('always holds the value it was rounded from', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e6, max: 1e12, noNaN: true }),
        fc.integer({ min: 0, max: 4 }),
        (bytes, decimals) => {
          for (const [unit, factor] of [
            ['GB', 1e9],
            ['MB', 1e6],
            ['GiB', 2 ** 30],
          ] as const) {
            const quantity = only(`${(bytes / factor).toFixed(decimals)} ${unit}`);
            expect(readingThatHolds(quantity, bytes)).toBeDefined();
            expect(mayAgree(quantity, quantity)).toBe(true);
          }
        },
      ),
    );
  });

  it('takes any text without an error, with finite bounds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        for (const quantity of quantitiesIn(text)) {
          expect(quantity.high).toBeGreaterThanOrEqual(quantity.low);
          expect(text.slice(quantity.start, quantity.end)).toBe(quantity.text);
          for (const { low, high } of intervalsOf(quantity)) expect(high).toBeGreaterThanOrEqual(low);
        }
      }),
    );
  });
});
