import { totalmem } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { engineStarter, startEngineProcess } from '../../dist/index.js';
import { HIDE_LLVMPIPE, hasLlvmpipe, TAKE_LLVMPIPE } from '../helpers/llvmpipe.ts';
import { nanoPath } from '../helpers/nano.ts';

const start = (gpu: 'auto' | 'off' | 'vulkan') => startEngineProcess({ gpu, callTimeoutMs: 120_000 });

const takeLlvmpipe = () => vi.stubEnv('GGML_VK_VISIBLE_DEVICES', TAKE_LLVMPIPE.GGML_VK_VISIBLE_DEVICES);
const hideLlvmpipe = () => vi.stubEnv('GGML_VK_VISIBLE_DEVICES', HIDE_LLVMPIPE.GGML_VK_VISIBLE_DEVICES);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.skipIf(!hasLlvmpipe)('Vulkan on llvmpipe (Debian: mesa-vulkan-drivers)', () => {
  it.each([
    ['max', 5],
    [2, 2],
    [99, 5],
    [0, 0],
  ] as const)('keeps the layers it is asked to, as far as there are any: %s', async (asked, onGpu) => {
    takeLlvmpipe();
    await using session = await start('vulkan');
    expect(session.info.backend).toBe('vulkan');
    expect(session.info.devices.join()).toContain('llvmpipe');
    // What llvmpipe calls its own is the machine's.
    expect(session.info.gpuFreeBytes).toBeGreaterThan(2 ** 20);
    expect(session.info.gpuFreeBytes).toBeLessThanOrEqual(totalmem());
    const { layers } = await session.loadModel({ path: nanoPath('Q4_K_M'), gpuLayers: asked });
    expect(layers).toEqual({ onGpu, total: 5 });
  });

  it('takes the CPU where auto finds a driver and no device', async () => {
    hideLlvmpipe();
    await using session = await start('auto');
    expect(session.info).toMatchObject({
      backend: 'cpu',
      devices: [],
      gpuFallback: 'no vulkan device can be used on this machine',
    });
    const { layers } = await session.loadModel({ path: nanoPath('Q4_K_M'), gpuLayers: 'max' });
    expect(layers).toBeNull();
  });

  it('measures the CPU in a process that has loaded no GPU backend', async () => {
    hideLlvmpipe();
    const peakOf = async (gpu: 'auto' | 'off') => {
      await using session = await start(gpu);
      await session.loadModel({ path: nanoPath('Q4_K_M'), gpuLayers: 'max' });
      return (await session.processMemory()).peakRssBytes;
    };
    // A loaded Vulkan backend adds two thirds.
    expect(await peakOf('auto')).toBeLessThan(1.2 * (await peakOf('off')));
  });

  it('decides once a run', async () => {
    hideLlvmpipe();
    const startNext = engineStarter();
    const options = { gpu: 'auto', callTimeoutMs: 120_000 } as const;
    await using first = await startNext(options);
    // A device that comes up later is not looked for.
    takeLlvmpipe();
    await using second = await startNext(options);
    expect(second.info).toEqual(first.info);
    expect(second.info.gpuFallback).toBeDefined();
  });

  it('says that GPU memory is short, and what to do', async () => {
    takeLlvmpipe();
    await using session = await start('vulkan');
    const model = { path: nanoPath('Q4_K_M'), gpuLayers: 'max' } as const;
    await session.loadModel(model);
    const context = {
      contextSize: 100_000_000,
      sequences: 1,
      batchSize: 64,
      threads: 1,
      flashAttention: 'auto',
      keyType: 'f16',
      valueType: 'f16',
    } as const;
    await expect(session.openContext(context)).rejects.toMatchObject({
      code: 'engine/context-failed',
      message: expect.stringMatching(/too little GPU memory \(.*Vulkan0/),
      hint: expect.stringContaining('--gpu-layers'),
    });
    // The session is as good as before.
    await session.openContext({ ...context, contextSize: 64 });
    expect((await session.engineMemory()).gpuBytes).toBeGreaterThan(1e6);
  });

  it('refuses Vulkan by name where there is a driver and no device', async () => {
    hideLlvmpipe();
    await expect(start('vulkan')).rejects.toMatchObject({
      code: 'engine/gpu-unavailable',
      hint: expect.stringContaining('quantscope doctor'),
    });
  });
});
