import { describe, expect, it } from 'vitest';
import { type Label, quantizedHeader } from '../../bench/phones/layout.ts';
import { LLAMA_RN } from '../../src/device/kernels.ts';
import { type KitRequest, kitPlan } from '../../src/device/kit-parameters.ts';
import { kitSource } from '../../src/device/kit-source.ts';
import { builtInDevices, findDevice } from '../../src/device/profiles.ts';
import { headerOf, PHI_3_MINI } from './model-shapes.ts';

const PHONES = await builtInDevices();

function planFor(device: string | null, model: string, label: Label, request: KitRequest = {}) {
  const header = quantizedHeader(model, label);
  if (header === undefined) throw new Error(`no layout of ${model}`);
  const profile = device === null ? null : findDevice(device, PHONES);
  const plan = kitPlan(header, profile, PHONES, request);
  if (plan === null) throw new Error('no plan');
  return { ...plan, values: Object.fromEntries(plan.parameters.map(({ name, value }) => [name, value])) };
}

describe('the parameters of a kit', () => {
  it('on an iPhone are Metal with all layers and the file’s own pages', () => {
    const { values, backend } = planFor('iphone-15-pro', 'qwen2.5-1.5b', 'q4_k_m');
    expect(backend).toBe('metal');
    expect(values).toMatchObject({
      n_ctx: 4096,
      n_gpu_layers: 99,
      n_threads: 2,
      flash_attn_type: 'auto',
      cache_type_k: 'f16',
      cache_type_v: 'f16',
      use_mmap: true,
      use_mlock: false,
    });
  });

  it('take less context or a smaller cache where Phi-3 would not fit, and say what a token costs', () => {
    const { fit, contextSize, cacheType, parameters } = planFor('iphone-13-pro', 'phi-3.5-mini', 'q4_k_m');
    expect(fit?.verdict).toBe('tight');
    expect({ contextSize, cacheType }).toEqual({ contextSize: 2048, cacheType: 'q8_0' });
    expect(fit?.reasons.join(' ')).toContain('little is left');
    expect(parameters.find(({ name }) => name === 'n_ctx')?.reason).toMatch(/\d+ KiB a token/);
  });

  it('turn flash attention on for a quantized cache, which llama.cpp needs', () => {
    const { values } = planFor('galaxy-s23', 'phi-3.5-mini', 'q4_0', {
      cacheType: 'q8_0',
      contextSize: 1024,
    });
    expect(values).toMatchObject({
      cache_type_k: 'q8_0',
      cache_type_v: 'q8_0',
      flash_attn_type: 'on',
      n_ctx: 1024,
    });
  });

  it('take the threads of the library that the phone loads, and say which', () => {
    const threadsOn = (device: string | null) => {
      const { parameters } = planFor(device, 'qwen2.5-1.5b', 'q4_0', { backend: 'cpu' });
      return parameters.find(({ name }) => name === 'n_threads');
    };
    expect(threadsOn('galaxy-s23')).toMatchObject({
      value: 6,
      reason: expect.stringContaining('rnllama_jni_v8_2_dotprod_i8mm_hexagon_opencl'),
    });
    expect(threadsOn('snapdragon-7-gen-3')).toMatchObject({
      value: 4,
      reason: expect.stringContaining('without OpenCL'),
    });
    expect(threadsOn(null)?.value).toBe(4);
  });

  it('keep states of earlier turns of a model with recurrent layers, and count them', () => {
    const { values, memory } = planFor('galaxy-s23', 'lfm2.5-1.2b-instruct', 'q4_0', { backend: 'cpu' });
    expect(memory.checkpointBytes).toBe(Math.min(160 * 2 ** 20, 8 * memory.stateBytes));
    expect(memory.totalBytes - memory.weightsBytes).toBe(
      memory.kvBytes + memory.stateBytes + memory.checkpointBytes + memory.computeBytes,
    );
    expect(values['state_cache_budget_mb']).toBe(Math.ceil(memory.checkpointBytes / 2 ** 20));
    expect(planFor('galaxy-s23', 'qwen2.5-1.5b', 'q4_0').values).not.toHaveProperty('state_cache_budget_mb');
  });

  it('say who runs flash attention on which Adreno', () => {
    const reasonOn = (device: string, request: KitRequest) => {
      const { parameters } = planFor(device, 'qwen2.5-1.5b', 'q4_0', { backend: 'opencl', ...request });
      return parameters.find(({ name }) => name === 'flash_attn_type')?.reason;
    };
    expect(reasonOn('galaxy-s23', {})).toContain('no kernel for it on Adreno 740');
    expect(reasonOn('galaxy-s25', {})).toContain('opencl has a kernel for it');
    expect(reasonOn('galaxy-s23', { cacheType: 'q8_0' })).toContain('so the CPU runs it');
  });

  it('are options that llama.rn has', () => {
    const { parameters } = planFor('galaxy-s23', 'lfm2.5-1.2b-instruct', 'q4_0', { backend: 'hexagon' });
    expect(parameters.filter(({ name }) => !LLAMA_RN.options.includes(name))).toEqual([]);
  });

  it('keep the context that was asked for, fitting or not', () => {
    const { fit, values } = planFor('4gb-phone', 'phi-3.5-mini', 'q8_0', { contextSize: 8192 });
    expect(values['n_ctx']).toBe(8192);
    expect(fit?.verdict).toBe('no');
  });

  it('on an Android CPU take the threads of the measurements and no mapped pages beside rearranged weights', () => {
    const { values } = planFor('galaxy-s23', 'phi-3.5-mini', 'q4_0', { backend: 'cpu', contextSize: 2048 });
    expect(values).toMatchObject({ n_threads: 6, n_gpu_layers: 0, use_mmap: false });
    expect(values).not.toHaveProperty('devices');
  });

  it('never choose the experimental NPU unasked, and name it when asked', () => {
    expect(planFor('galaxy-s23', 'qwen2.5-1.5b', 'q4_0').backend).not.toBe('hexagon');
    const { values } = planFor('galaxy-s23', 'qwen2.5-1.5b', 'q4_0', { backend: 'hexagon' });
    expect(values).toMatchObject({ devices: ['HTP0'], n_gpu_layers: 99 });
  });

  it('refuse a backend that the phone does not have', () => {
    expect(() => planFor('iphone-13-pro', 'qwen2.5-1.5b', 'q4_0', { backend: 'opencl' })).toThrow(
      expect.objectContaining({ code: 'kit/backend', message: expect.stringContaining('it has metal') }),
    );
  });

  it('without a phone are a CPU’s, with no speed', () => {
    const { backend, fit, speed } = planFor(null, 'qwen2.5-1.5b', 'q8_0');
    expect(backend).toBe('cpu');
    expect(fit).toBeNull();
    expect(speed).toHaveProperty('reason');
  });

  it('are none for a header without layers', () => {
    const header = headerOf({ ...PHI_3_MINI, layers: 0 });
    expect(kitPlan(header, null, PHONES, {})).toBeNull();
    expect(kitPlan(header, findDevice('iphone-13', PHONES), PHONES, {})).toBeNull();
  });
});

describe('the source of a kit', () => {
  const template = 'before\n// <parameters>\nold\n// </parameters>\nafter\n';

  it('has each parameter with its reason between the marks', () => {
    const plan = planFor('galaxy-s23', 'qwen2.5-1.5b', 'q4_0', { backend: 'hexagon' });
    const source = kitSource(
      template,
      { model: 'M', device: 'D', chat: ['no message: refuses'], types: 'on hexagon: fast' },
      plan,
    );
    expect(source).toMatch(
      /^before\n\/\*\*\n \* For M on D \(hexagon\)\.\n \* Memory: \d\.\d\d GB, estimated\.\n \* It fits: .*\n \* Speed: .*\n \* Types on hexagon: fast\.\n \* Chat template:\n \* - no message: refuses\n \*\/\nexport const/,
    );
    expect(source).toContain("  // the NPU, which is not taken unless it is named\n  devices: ['HTP0'],\n");
    expect(source).toMatch(/\n};\nafter\n$/);
    expect(source).not.toContain('old');
  });

  it('holds a model’s name inside its comment', () => {
    const plan = planFor(null, 'qwen2.5-1.5b', 'q4_0');
    const source = kitSource(
      template,
      { model: "x */ evil()\n//\u2028$& $1 '", device: null, chat: [], types: null },
      plan,
    );
    const [start, comment] = source.split('\n').slice(1);
    expect(start).toBe('/**');
    expect(comment).toBe(" * For x * / evil() // $& $1 ' on the CPU of any phone.");
  });
});
