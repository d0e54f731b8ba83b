import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dequantize, dequantizerOf, isTensorType, layoutOf } from '../../src/gguf/index.ts';
import { sharedFolder } from './sample-model.ts';

interface Sample {
  readonly type: string;
  readonly count: number;
  readonly blocks: string;
  readonly values: string;
}

const path = `${sharedFolder}data/dequantize.json`;
const isAbsent = !existsSync(path);
const samples: Sample[] = isAbsent ? [] : JSON.parse(readFileSync(path, 'utf8')).types;
const supported = samples.filter(({ type }) => isTensorType(type) && dequantizerOf(type) !== undefined);

describe('dequantizing', () => {
  it.skipIf(isAbsent).each(supported.map((sample) => [sample.type, sample] as const))(
    '%s gives ggml’s own values, bit for bit',
    (type, { blocks, values, count }) => {
      if (!isTensorType(type)) throw new Error(type);
      const actual = dequantize(type, new Uint8Array(Buffer.from(blocks, 'base64')));
      expect(actual).toHaveLength(count);
      expect(Buffer.from(actual.buffer).equals(Buffer.from(values, 'base64'))).toBe(true);
    },
  );

  it.skipIf(isAbsent)('covers every type of the reference except the look-up grids of IQ1 to IQ3', () => {
    const missing = samples.filter((sample) => !supported.includes(sample)).map(({ type }) => type);
    expect(missing.sort()).toEqual(['IQ1_M', 'IQ1_S', 'IQ2_S', 'IQ2_XS', 'IQ2_XXS', 'IQ3_S', 'IQ3_XXS']);
  });

  it('keeps F32 and BF16 bits as they are, NaN payloads included', () => {
    const bits = Uint32Array.of(0x7fc00001, 0xff800001, 0x80000000, 0x00000001, 0x3f800000);
    const floats = dequantize('F32', new Uint8Array(bits.buffer));
    expect(new Uint32Array(floats.buffer)).toEqual(bits);
    const brains = dequantize('BF16', Uint8Array.of(0xc1, 0x7f, 0x80, 0x3f));
    expect(new Uint32Array(brains.buffer)).toEqual(Uint32Array.of(0x7fc10000, 0x3f800000));
  });

  it('turns every half into the float that it is', () => {
    const halves = Uint16Array.from({ length: 2 ** 16 }, (_, index) => index);
    const floats = dequantize('F16', new Uint8Array(halves.buffer));
    for (let half = 0; half < halves.length; half++) {
      const sign = half & 0x8000 ? -1 : 1;
      const exponent = (half >> 10) & 31;
      const fraction = half & 1023;
      const special = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
      const finite =
        exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
      expect(Object.is(floats[half], exponent === 31 ? special : finite)).toBe(true);
    }
  });

  it('reads blocks at any position of a buffer', () => {
    const { blockBytes } = layoutOf('Q8_0');
    const bytes = Uint8Array.from({ length: blockBytes * 2 + 1 }, (_, index) => (index * 37) & 127);
    const shifted = dequantize('Q8_0', bytes.subarray(1));
    expect(shifted).toEqual(dequantize('Q8_0', bytes.slice(1)));
  });

  it('refuses types without a dequantizer and parts of blocks', () => {
    expect(() => dequantize('IQ2_XXS', new Uint8Array(66))).toThrow(
      'weights of type IQ2_XXS cannot be read as numbers',
    );
    expect(() => dequantize('Q4_0', new Uint8Array(19))).toThrow(
      '19 bytes of Q4_0, expected a multiple of its block of 18',
    );
  });
});
