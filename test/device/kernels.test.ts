import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { quantizedHeader } from '../../bench/phones/layout.ts';
import { inspectMemory } from '../../src/api/inspect/memory.ts';
import { fitOn } from '../../src/device/fit.ts';
import { fittedDevice } from '../../src/device/fit-report.ts';
import {
  attendsItself,
  cacheTypeFits,
  ENGINE_KERNELS,
  isRepacked,
  LLAMA_RN,
  leftToCpu,
  multiplies,
  refusedCacheType,
  typesThatAbort,
} from '../../src/device/kernels.ts';
import { kitPlan } from '../../src/device/kit-parameters.ts';
import { unknownToLlamaRn } from '../../src/device/llama-rn-needs.ts';
import { speedOn } from '../../src/device/predict-speed.ts';
import { builtInDevices, findDevice } from '../../src/device/profiles.ts';
import { LLAMA_CPP_VERSION } from '../../src/engine/llama-cpp/declarations.ts';
import { type GgufHeader, TENSOR_TYPE_NAMES, type TensorType } from '../../src/gguf/index.ts';
import { backendKernelsSchema, llamaRnSchema } from '../../src/schema/kernels.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { kitPackages, llamaRnPackage } from '../helpers/kit-app.ts';
import { llamaCppSource, withoutGit } from '../helpers/llama-cpp-source.ts';
import { headerOf, PHI_3_MINI } from './model-shapes.ts';

type Read = (path: string) => string;
const script = async (name: string) => await import(new URL(`../../scripts/${name}`, import.meta.url).href);
const { backendKernels }: { backendKernels: (read: Read, types: readonly string[]) => unknown } =
  await script('backend-kernels.js');
interface LlamaRnScript {
  readonly llamaRnTable: (read: Read, types: readonly string[]) => object;
  readonly measuredKernels: (read: Read, types: readonly string[]) => object;
  readonly MEASURED_WITH: string;
}
const { llamaRnTable, measuredKernels, MEASURED_WITH }: LlamaRnScript = await script('llama-rn.js');
const dataFile = (name: string): object =>
  JSON.parse(readFileSync(new URL(`../../data/${name}`, import.meta.url), 'utf8'));

describe.skipIf(withoutGit !== null)('data/backend-kernels.json', () => {
  it('is what its script reads in the source of the engine', async () => {
    await using scratch = await scratchFolder();
    const { text } = llamaCppSource(scratch.path('llama.cpp'));
    const source: Read = (path) => text(`ggml/src/${path}`);
    const { $schema: _, ...written } = backendKernelsSchema.parse(dataFile('backend-kernels.json'));
    const read = backendKernels(source, TENSOR_TYPE_NAMES);
    expect(written).toEqual({ llamaCpp: LLAMA_CPP_VERSION, ...(read as object) });

    // A kernel more, and a source that says it otherwise.
    const also: Read = (path) => source(path).replace('GGML_TYPE_TQ1_0', 'GGML_TYPE_NVFP4');
    expect(backendKernels(also, TENSOR_TYPE_NAMES)).not.toEqual(read);
    const changed: Read = (path) => source(path).replaceAll('case GGML_OP_FLASH_ATTN_EXT', 'case OTHER');
    expect(() => backendKernels(changed, TENSOR_TYPE_NAMES)).toThrow('FLASH_ATTN_EXT');
  });
});

const absent = await kitPackages();
describe.skipIf(absent !== null)(`data/llama-rn.json${absent === null ? '' : `: ${absent}`}`, () => {
  it('is what its script reads in the package', async () => {
    const { $schema: _, measured, ...written } = llamaRnSchema.parse(dataFile('llama-rn.json'));
    const readerOf = async (version: string): Promise<Read> => {
      const folder = await llamaRnPackage(version);
      return (path) => readFileSync(join(folder, path), 'utf8');
    };
    const read = await readerOf(written.version);
    expect(llamaRnTable(read, TENSOR_TYPE_NAMES)).toEqual(written);
    const then = measuredKernels(await readerOf(MEASURED_WITH), TENSOR_TYPE_NAMES);
    expect(measured).toEqual({ version: MEASURED_WITH, ...then });
    const without: Read = (path) => read(path).replace('{ LLM_ARCH_PHI3,', '{ LLM_ARCH_GONE, "gone" }, {');
    expect(llamaRnTable(without, TENSOR_TYPE_NAMES)).not.toEqual(written);
  });

  it('lacks what came after its llama.cpp', () => {
    const { architectures, preTokenizers } = dataFile('llama-cpp.json') as Record<string, string[]>;
    const lacking = (known: readonly string[], all: string[] = []) =>
      all.filter((name) => !known.includes(name));
    expect(lacking(LLAMA_RN.architectures, architectures)).toHaveLength(14);
    expect(lacking(LLAMA_RN.preTokenizers, preTokenizers)).toEqual(['spark2_5', 'hy_v4', 'ufakzeka']);
  });
});

const header = (type: TensorType, more = {}): GgufHeader => {
  const plain = headerOf({ ...PHI_3_MINI, ...more });
  return {
    ...plain,
    tensors: plain.tensors.map((tensor) => ({
      ...tensor,
      type: tensor.name === 'token_embd.weight' ? 'F16' : type,
      shape: [4096, 4096],
      elements: 4096 * 4096,
      sizeBytes: 4096 * 4096,
    })),
  };
};

describe('what backends compute themselves', () => {
  it('is on Metal everything but TQ1_0 and NVFP4, in the llama.cpp that runs here', () => {
    const without = TENSOR_TYPE_NAMES.filter((type) => !multiplies('metal', type, ENGINE_KERNELS));
    expect(without.filter((type) => !/^I\d|F64|Q8_1|Q8_K/.test(type))).toEqual(['TQ1_0', 'NVFP4']);
  });

  it('is on OpenCL also Q5_0, Q5_1, IQ4_NL, MXFP4 and Q1_0, but no other IQ type, Q2_K or Q3_K', () => {
    const own = TENSOR_TYPE_NAMES.filter((type) => multiplies('opencl', type));
    expect(own).toEqual(expect.arrayContaining(['Q5_0', 'Q5_1', 'IQ4_NL', 'MXFP4', 'Q1_0', 'Q4_0', 'Q6_K']));
    expect(own.filter((type) => /^(Q[23]_K|TQ|IQ[1-3]|IQ4_XS)/.test(type))).toEqual([]);
  });

  it('is rearranged on an ARM CPU where the rows divide: by 4, of K-quants by 8', () => {
    const has = (type: TensorType, rows: number) =>
      isRepacked({ name: 'w', type, shape: [256, rows], offset: 0, sizeBytes: 0, elements: 256 * rows });
    for (const type of ['Q4_0', 'IQ4_NL', 'MXFP4', 'Q8_0'] as const)
      expect([has(type, 12), has(type, 10)]).toEqual([true, false]);
    for (const type of ['Q4_K', 'Q5_K', 'Q6_K'] as const)
      expect([has(type, 16), has(type, 12)]).toEqual([true, false]);
    for (const type of ['Q2_K', 'Q3_K', 'Q5_0', 'IQ4_XS', 'F16'] as const) expect(has(type, 16)).toBe(false);
  });

  it('ends the app where Metal of llama.rn takes a type that it has no kernel for', () => {
    expect(typesThatAbort(header('TQ2_0'), 'metal')).toEqual(['TQ2_0']);
    expect(typesThatAbort(header('NVFP4'), 'metal')).toEqual([]);
    expect(typesThatAbort(header('TQ2_0'), 'cpu')).toEqual([]);
  });

  it.each([
    ['metal', 'q8_0', 'q8_0', {}, true],
    ['metal', 'q8_0', 'f16', {}, false],
    ['metal', 'iq4_nl', 'iq4_nl', {}, false],
    ['metal', 'f16', 'f16', { headLength: 100 }, false],
    ['opencl', 'f16', 'f16', { gpu: 'Adreno 840' }, true],
    ['opencl', 'f16', 'f16', { gpu: 'Adreno 740' }, false],
    ['opencl', 'f16', 'f16', {}, false],
    ['opencl', 'q5_0', 'q5_0', { gpu: 'Adreno 840' }, false],
    ['hexagon', 'f16', 'f16', {}, true],
    ['hexagon', 'q8_0', 'q8_0', {}, false],
    ['vulkan', 'q8_0', 'q4_0', {}, true],
    ['vulkan', 'bf16', 'f16', {}, false],
    ['cpu', 'q8_0', 'f16', {}, true],
  ] as const)(
    '%s with %s keys and %s values and %o attends itself: %s',
    (backend, keyType, valueType, more, itself) => {
      const { gpu, headLength = 96 }: { gpu?: string; headLength?: number } = more;
      expect(attendsItself(header('Q4_0', { headLength }), backend, { keyType, valueType, gpu })).toBe(
        itself,
      );
    },
  );

  it('is told of a row of bench that the CPU had a part in', () => {
    const point = { keyType: 'f16', valueType: 'f16', flashAttention: 'auto' } as const;
    expect(leftToCpu(header('NVFP4'), 'metal', point)).toEqual(['matrices of NVFP4']);
    expect(leftToCpu(header('Q4_K'), 'metal', point)).toEqual([]);
    expect(leftToCpu(header('NVFP4'), 'cuda', point)).toEqual([]);
    const mixed = { keyType: 'q8_0', valueType: 'q4_0', flashAttention: 'on' } as const;
    expect(leftToCpu(header('Q4_K'), 'metal', mixed)).toEqual([
      'flash attention with q8_0 keys and q4_0 values',
    ]);
    // Keys alone can do without, so llama.cpp leaves it off.
    expect(
      leftToCpu(header('Q4_K'), 'metal', { ...mixed, valueType: 'f16', flashAttention: 'auto' }),
    ).toEqual([]);
  });
});

describe('on a phone', () => {
  it('no speed of Metal is told for a type that it leaves to the CPU', async () => {
    const catalogue = await builtInDevices();
    const phone = findDevice('iphone-17-pro', catalogue);
    expect(speedOn(header('NVFP4'), phone, catalogue, 'metal')).toEqual({
      backend: 'metal',
      reason: expect.stringContaining('Metal has no kernel for NVFP4'),
    });
    expect(speedOn(header('Q4_K'), phone, catalogue, 'metal')).toHaveProperty('generationTps');
  });

  it('no speed is told of a model smaller than those that were measured, whatever its quantization', async () => {
    const catalogue = await builtInDevices();
    const phone = findDevice('galaxy-s23', catalogue);
    for (const type of ['F16', 'Q8_0', 'Q4_0'] as const) {
      // 360 million weights.
      const small = header(type, { layers: 7 });
      expect(speedOn(small, phone, catalogue, 'cpu')).toEqual({
        backend: 'cpu',
        reason: expect.stringMatching(
          /^with 369 million parameters, .* all quantizations of this model lie outside/,
        ),
      });
    }
    expect(speedOn(header('Q4_0'), phone, catalogue, 'cpu')).toHaveProperty('generationTps');
  });

  it('a cache of blocks is not offered for heads that are no multiple of them', async () => {
    const catalogue = await builtInDevices();
    const phone = findDevice('iphone-13-pro', catalogue);
    const of = (headLength: number) => header('Q4_K', { headLength });
    expect([
      cacheTypeFits(of(80), 'q8_0'),
      cacheTypeFits(of(96), 'q8_0'),
      cacheTypeFits(of(80), 'f16'),
    ]).toEqual([false, true, true]);
    const at = (headLength: number, cacheType: 'f16' | 'q8_0') =>
      fitOn(of(headLength), phone, catalogue, { contextSize: 8192, cacheType, budgetBytes: 5e9 });
    expect(at(96, 'f16')?.change?.cacheType).toBe('q8_0');
    expect(at(80, 'f16')?.change?.cacheType).toBe('f16');
    expect(at(80, 'q8_0')).toMatchObject({
      verdict: 'no',
      // The first reason is the sum of the memory.
      reasons: [expect.stringContaining('needs '), expect.stringContaining('heads of 80'), expect.anything()],
      change: null,
      smaller: null,
    });
    expect(() => kitPlan(of(80), phone, catalogue, { cacheType: 'q8_0' })).toThrow(
      expect.objectContaining({ code: 'kit/cache-type', message: expect.stringContaining('heads of 80') }),
    );
    expect(kitPlan(of(80), phone, catalogue, {})?.cacheType).toBe('f16');
    const memory = inspectMemory(of(80), [2048]);
    expect('byContext' in memory ? memory.byContext : []).toMatchObject([
      { cacheType: 'f16', kvBytes: expect.any(Number) },
      { cacheType: 'q8_0', status: 'unavailable', reason: expect.stringContaining('heads of 80') },
      { cacheType: 'q4_0', status: 'unavailable' },
    ]);
    // The heads of windowed layers are asked about too.
    const windowed = header('Q4_K', { headLength: 64, more: { 'attention.key_length_swa': 40 } });
    expect(refusedCacheType(windowed, 'q8_0')).toContain('heads of 40');
  });

  it('nothing is advised that llama.rn refuses or ends the app with, where there is another', async () => {
    const catalogue = await builtInDevices();
    const phone = findDevice('iphone-13-pro', catalogue);
    const judged = (type: TensorType, more = {}) => {
      const fit = fitOn(header(type, more), phone, catalogue, { contextSize: 512 });
      if (fit === null) throw new Error('no fit');
      return { name: type, ref: type, parameters: 1, layerBits: 5, fit };
    };
    const newer = judged('Q4_K', { architecture: 'granite_swa' });
    const ending = judged('TQ2_0');
    expect(newer.fit.reasons).toContain(newer.fit.unloadable);
    expect(fittedDevice(phone, [newer], catalogue)).toMatchObject({
      recommended: null,
      advice: expect.stringMatching(
        /^Ship none: llama\.rn [\d.]+ does not know the architecture granite_swa/,
      ),
    });
    expect(fittedDevice(phone, [ending], catalogue).advice).toContain(
      'no kernel for TQ2_0 on metal and ends',
    );
    expect(fittedDevice(phone, [ending, judged('Q4_K')], catalogue).recommended).toBe('Q4_K');
    expect(speedOn(header('TQ2_0'), phone, catalogue, 'metal')).toEqual({
      backend: 'metal',
      reason: 'metal has no kernel for TQ2_0 and ends the app',
    });
  });

  it('llama.rn refuses what came after it', () => {
    expect(unknownToLlamaRn(header('Q4_K'))).toEqual([]);
    expect(unknownToLlamaRn(header('Q4_K', { architecture: 'granite_swa' }))).toEqual([
      'the architecture granite_swa',
    ]);
    const phi4 = quantizedHeader('phi-4-mini', 'q4_k_m');
    expect(phi4 === undefined ? null : unknownToLlamaRn(phi4)).toEqual([]);
  });
});
