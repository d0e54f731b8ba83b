import { existsSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startEngineProcess } from '../../dist/engine/index.js';
import { nanoPath } from '../helpers/nano.ts';

/** Mesa's driver that computes on the CPU, from Debian's mesa-vulkan-drivers. */
const DRIVERS = '/usr/share/vulkan/icd.d';
const hasLlvmpipe =
  process.platform === 'linux' &&
  process.arch === 'x64' &&
  existsSync(DRIVERS) &&
  readdirSync(DRIVERS).some((name) => name.startsWith('lvp_icd'));

const start = (gpu: 'auto' | 'vulkan') => startEngineProcess({ gpu, workers: 1, callTimeoutMs: 120_000 });

/** llama.cpp passes a device that is only software by, unless it is named. */
const takeLlvmpipe = () => vi.stubEnv('GGML_VK_VISIBLE_DEVICES', '0');
/** A driver that the loader finds, and no device that llama.cpp would take. */
const hideLlvmpipe = () => vi.stubEnv('GGML_VK_VISIBLE_DEVICES', undefined);

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
    const { layers } = await session.loadModel({ path: nanoPath('Q4_K_M'), gpuLayers: asked });
    expect(layers).toEqual({ onGpu, total: 5 });
  });

  it('takes the CPU where auto finds a driver and no device', async () => {
    hideLlvmpipe();
    await using session = await start('auto');
    expect(session.info).toMatchObject({ backend: 'cpu', devices: [] });
    const { layers } = await session.loadModel({ path: nanoPath('Q4_K_M'), gpuLayers: 'max' });
    expect(layers).toBeNull();
  });

  it('refuses Vulkan by name where there is a driver and no device', async () => {
    hideLlvmpipe();
    await expect(start('vulkan')).rejects.toMatchObject({
      code: 'engine/gpu-unavailable',
      hint: expect.stringContaining('quantscope doctor'),
    });
  });
});
