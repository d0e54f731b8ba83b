import { describe, expect, it } from 'vitest';
import { startEngineProcess } from '../../dist/index.js';
import { layerMemories } from '../../src/device/attention-layers.ts';
import { footprint, tokenBytes } from '../../src/device/footprint.ts';
import { kvCacheBytes } from '../../src/device/kv-cache.ts';
import { readHeader } from '../../src/gguf/index.ts';
import { openFile } from '../../src/io/index.ts';
import { nanoPath } from '../helpers/nano.ts';
import { headerOf, LOGGED_BUFFERS, type ModelShape, PHI_3_MINI } from './model-shapes.ts';

const MEBI = 2 ** 20;
const median = (values: number[]) =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

function estimate(shape: ModelShape, contextSize = 2048, more = {}) {
  const estimated = footprint(headerOf(shape), { contextSize, ...more });
  if (estimated === null) throw new Error('no estimate');
  return estimated;
}

describe('the compute buffer, beside what llama.cpp logged on phones', () => {
  for (const [name, { shape, cpuMib, openclMib }] of Object.entries(LOGGED_BUFFERS)) {
    it(`${name} on the CPU: within 1 %`, () => {
      expect(Math.abs(estimate(shape).computeBytes / MEBI / cpuMib - 1)).toBeLessThan(0.01);
    });

    it(`${name} on OpenCL without flash attention: within 5 %`, () => {
      const { computeBytes } = estimate(shape, 2048, { backend: 'gpu', flashAttention: false });
      expect(Math.abs(computeBytes / MEBI / openclMib - 1)).toBeLessThan(0.05);
    });
  }

  it('has a median error below 1 % over both', () => {
    const errors = Object.values(LOGGED_BUFFERS).flatMap(({ shape, cpuMib, openclMib }) => {
      const gpu = estimate(shape, 2048, { backend: 'gpu', flashAttention: false });
      return [
        Math.abs(estimate(shape).computeBytes / MEBI / cpuMib - 1),
        Math.abs(gpu.computeBytes / MEBI / openclMib - 1),
      ];
    });
    expect(median(errors)).toBeLessThan(0.01);
  });
});

describe('the cache', () => {
  for (const [name, { shape, kvMib, kvIsWindowedPart = false }] of Object.entries(LOGGED_BUFFERS)) {
    it(`of ${name} at 2,048 tokens is exactly what was logged`, () => {
      const layers = layerMemories(headerOf(shape)).filter(
        ({ window }) => !kvIsWindowedPart || window !== null,
      );
      const request = { contextSize: 2048, keyType: 'f16', valueType: 'f16', microBatch: 512 } as const;
      expect(kvCacheBytes(layers, request) / MEBI).toBe(kvMib);
    });
  }

  it('of Phi-3-mini grows by 384 KiB a token, whatever window its file states', () => {
    const bytes = (contextSize: number) => estimate(PHI_3_MINI, contextSize).kvBytes;
    expect(bytes(2048)).toBe(768 * MEBI);
    expect(bytes(4096)).toBe(1536 * MEBI);
    expect((bytes(4096) - bytes(2048)) / 2048).toBe(384 * 1024);
  });

  it('is made for a multiple of 256 tokens, as llama.cpp rounds up', () => {
    expect(estimate(PHI_3_MINI, 300)).toMatchObject({ paddedContextSize: 512, kvBytes: 192 * MEBI });
  });

  it('takes 34 bytes for 32 elements in q8_0 and 18 in q4_0', () => {
    const inF16 = estimate(PHI_3_MINI).kvBytes;
    expect(estimate(PHI_3_MINI, 2048, { cacheType: 'q8_0' }).kvBytes).toBe((inF16 * 34) / 64);
    expect(estimate(PHI_3_MINI, 2048, { cacheType: 'q4_0' }).kvBytes).toBe((inF16 * 18) / 64);
  });

  it('of a windowed layer stops growing at its window and one batch', () => {
    const { shape } = LOGGED_BUFFERS['gemma-3-1b'] ?? { shape: PHI_3_MINI };
    const full = 4 * 1024;
    const windowed = 22 * 1024;
    expect(estimate(shape, 2048).kvBytes).toBe(full * 2048 + windowed * 1024);
    expect(estimate(shape, 32_768).kvBytes).toBe(full * 32_768 + windowed * 1024);
  });

  it('has no values where latent attention compresses them into the keys', () => {
    const mla = { ...PHI_3_MINI, fused: false, kvHeads: 1, headLength: 576 };
    const more = { 'attention.key_length_mla': 192, 'attention.value_length_mla': 128 };
    expect(estimate({ ...mla, more }).kvBytes).toBe(32 * 2048 * 576 * 2);
  });
});

describe('the bytes of a token', () => {
  const KIB = 1024;
  it('fall once the windows are full', () => {
    const { shape } = LOGGED_BUFFERS['gemma-3-1b'] ?? { shape: PHI_3_MINI };
    expect(tokenBytes(headerOf(shape))).toEqual({ below: 26 * KIB, beyond: 4 * KIB });
    expect(tokenBytes(headerOf(shape), 'q8_0')).toEqual({
      below: (26 * KIB * 34) / 64,
      beyond: (4 * KIB * 34) / 64,
    });
  });

  it('are the same at every length without windows, and none of a model that keeps nothing', () => {
    expect(tokenBytes(headerOf(PHI_3_MINI))).toEqual({ below: 384 * KIB, beyond: 384 * KIB });
    expect(tokenBytes(headerOf({ ...PHI_3_MINI, architecture: 'bert' }))).toBeNull();
  });
});

describe('footprint', () => {
  it('gives Phi-3-mini Q4_K_M at 2,048 tokens what was logged for it: 2,282 + 768 + 91 MiB', () => {
    const header = headerOf(PHI_3_MINI);
    const weights = {
      name: 'x',
      type: 'Q4_K',
      shape: [],
      offset: 0,
      sizeBytes: 2282 * MEBI,
      elements: 0,
    } as const;
    const whole = footprint({ ...header, tensors: [...header.tensors, weights] }, { contextSize: 2048 });
    expect(Math.abs((whole?.totalBytes ?? 0) / MEBI / (2282 + 768 + 91) - 1)).toBeLessThan(0.001);
  });

  it('keeps the state of recurrent layers apart: it does not grow', () => {
    const { shape } = LOGGED_BUFFERS['lfm2.5-1.2b-instruct'] ?? { shape: PHI_3_MINI };
    expect(estimate(shape, 2048).stateBytes).toBe(10 * 2 * 2048 * 4);
    expect(estimate(shape, 8192).stateBytes).toBe(10 * 2 * 2048 * 4);
  });

  it('makes no estimate where nothing could be loaded', () => {
    expect(footprint(headerOf({ ...PHI_3_MINI, layers: 0 }), { contextSize: 2048 })).toBeNull();
    expect(footprint(headerOf({ ...PHI_3_MINI, architecture: 'bert' }), { contextSize: 2048 })).toBeNull();
  });

  it('makes no estimate from numbers without sense', () => {
    for (const nonsense of [-1, 2 ** 60, Number.NaN]) {
      const shape = { ...PHI_3_MINI, kvHeads: nonsense };
      expect(footprint(headerOf(shape), { contextSize: 2048 })).toBeNull();
    }
  });
});

describe('the estimate for the embedded model, beside the engine itself', () => {
  const cases = [
    { contextSize: 512, flashAttention: true, cacheType: 'f16' },
    { contextSize: 2048, flashAttention: true, cacheType: 'f16' },
    { contextSize: 2048, flashAttention: true, cacheType: 'q8_0' },
    { contextSize: 300, flashAttention: true, cacheType: 'f16' },
    { contextSize: 4096, flashAttention: false, cacheType: 'f16' },
    { contextSize: 512, flashAttention: false, cacheType: 'f16' },
  ] as const;
  for (const { contextSize, flashAttention, cacheType } of cases) {
    const how = `${contextSize} tokens, ${cacheType} cache, flash attention ${flashAttention ? 'on' : 'off'}`;
    it(`${how}: the cache exact, the compute buffer within 1 %`, async () => {
      await using source = await openFile(nanoPath('Q4_K_M'));
      const estimated = footprint(await readHeader(source), { contextSize, cacheType, flashAttention });
      await using engine = await startEngineProcess({ gpu: 'off', callTimeoutMs: 60_000 });
      await engine.loadModel({ path: nanoPath('Q4_K_M'), gpuLayers: 0 });
      const opened = await engine.openContext({
        contextSize,
        sequences: 1,
        batchSize: 512,
        threads: 2,
        flashAttention: flashAttention ? 'on' : 'off',
        keyType: cacheType,
        valueType: cacheType,
      });
      const real = await engine.engineMemory();
      expect(estimated?.paddedContextSize).toBe(opened.contextSize);
      expect(estimated?.kvBytes).toBe(real.kvBytes);
      expect(Math.abs((estimated?.computeBytes ?? 0) / (real.computeBytes ?? 0) - 1)).toBeLessThan(0.01);
    });
  }
});
