import { describe, expect, it } from 'vitest';
import { fitOn } from '../../src/device/fit.ts';
import { footprint } from '../../src/device/footprint.ts';
import { cacheTypeFits } from '../../src/device/kernels.ts';
import { phoneMemory } from '../../src/device/phone-memory.ts';
import { builtInDevices, findDevice } from '../../src/device/profiles.ts';
import { type GgufHeader, scanHeader } from '../../src/gguf/index.ts';
import { fieldCase, fieldHeader, withoutFieldCases } from '../helpers/field-cases.ts';
import { headerOf, PHI_3_MINI } from './model-shapes.ts';

const MIB = 2 ** 20;

function parsed(bytes: Uint8Array): GgufHeader {
  const { header } = scanHeader(bytes);
  if (header === null) throw new Error('no header');
  return header;
}

/** Keys, values and states together, as the engine logged them. */
function cacheMib(header: GgufHeader, contextSize: number): number {
  const estimated = footprint(header, { contextSize });
  return ((estimated?.kvBytes ?? 0) + (estimated?.stateBytes ?? 0)) / MIB;
}

describe.skipIf(withoutFieldCases !== null)(
  `the memory of files from the field${withoutFieldCases === null ? '' : `: ${withoutFieldCases}`}`,
  () => {
    it.each([
      ['c08-granite-swa-shape', 131_072, 2.05 * 1024],
      ['c08b-spark', 131_072, 2.05 * 1024],
      ['mellum', 4096, 7],
      ['nanbeige-loop2', 4096, 32],
      ['qwen35-mtp1', 4096, 4.2],
      ['c02b-qwen35-27b-mtp-shape', 262_144, 16.15 * 1024],
    ])('%s at %d keeps %d MiB', (name, contextSize, mib) => {
      const digits = mib >= 1000 ? 0.005 : 0.05 / mib;
      expect(Math.abs(cacheMib(parsed(fieldHeader(name)), contextSize) / mib - 1)).toBeLessThan(digits);
    });

    it('c08s-granite-swa-tiny keeps 2.75 MiB at its own context', () => {
      const header = parsed(fieldCase('c08s-granite-swa-tiny'));
      const own = header.metadata.get('granite_swa.context_length');
      expect(cacheMib(header, Number(own?.value))).toBe(2.75);
    });

    it('a model with windows fits the phone that its whole cache would not', async () => {
      const catalogue = await builtInDevices();
      const phone = findDevice('galaxy-s23', catalogue);
      const fit = fitOn(parsed(fieldHeader('c08-granite-swa-shape')), phone, catalogue, {
        contextSize: 32_768,
      });
      expect(fit?.verdict).toBe('fits');
      expect((fit?.memory.totalBytes ?? 0) / 1e9).toBeCloseTo(3.4, 1);
    });

    it('is told as its parts add up: past the windows, and with the states of earlier turns', async () => {
      const catalogue = await builtInDevices();
      const phone = findDevice('galaxy-s23', catalogue);
      const reasonsOf = (name: string) =>
        fitOn(parsed(fieldHeader(name)), phone, catalogue, { contextSize: 4096 })?.reasons.join('\n');
      expect(reasonsOf('mellum')).toMatch(
        /takes 4\.0 KiB in f16 \(past the windows 1\.0 KiB\), 7 MB for 4,096/,
      );
      expect(reasonsOf('qwen35-mtp1')).toMatch(
        /the cache includes 219 KiB of recurrent state, and up to 1\.7 MiB of earlier states that llama\.rn keeps/,
      );
    });

    it('a block that predicts further tokens is no weight', () => {
      const header = parsed(fieldHeader('qwen35-mtp1'));
      const all = header.tensors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const weights = footprint(header, { contextSize: 4096 })?.weightsBytes ?? 0;
      expect((all - weights) / 1e6).toBeCloseTo(1.7, 1);
    });

    it('states of earlier turns take 160 MiB at most', () => {
      const header = parsed(fieldHeader('c02b-qwen35-27b-mtp-shape'));
      const memory = phoneMemory(header, { contextSize: 4096, cacheType: 'f16', backend: 'cpu' });
      expect((memory?.stateBytes ?? 0) / MIB).toBeGreaterThan(100);
      expect(memory?.checkpointBytes).toBe(160 * MIB);
    });

    it('heads of 80 take no cache of blocks', () => {
      const header = parsed(fieldCase('head80'));
      expect([cacheTypeFits(header, 'q8_0'), cacheTypeFits(header, 'f16')]).toEqual([false, true]);
    });

    it('MXFP4 is rearranged as Q8_0 is', () => {
      const header = parsed(fieldHeader('mellum-MXFP4'));
      const bytes = (types: readonly string[]) =>
        header.tensors
          .filter(
            ({ type, name, shape }) =>
              types.includes(type) && (shape[1] ?? 1) % 4 === 0 && !name.includes('token_embd'),
          )
          .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const memory = phoneMemory(header, { contextSize: 2048, cacheType: 'f16', backend: 'cpu' });
      expect(bytes(['MXFP4'])).toBeGreaterThan(0);
      expect(memory?.repackedBytes).toBe(bytes(['MXFP4', 'Q8_0']));
    });
  },
);

describe('EXAONE 4.0 1.2B, of 30 layers', () => {
  it.each([
    [8192, 480],
    [16_384, 960],
  ])('has no windows: at %d tokens %d MiB', (contextSize, mib) => {
    const shape = {
      ...PHI_3_MINI,
      architecture: 'exaone4',
      layers: 30,
      embedding: 2048,
      feedForward: 4096,
      kvHeads: 8,
      headLength: 64,
      vocabulary: 102_400,
      more: {},
      fused: false,
    };
    expect(cacheMib(headerOf(shape), contextSize)).toBe(mib);
  });
});
