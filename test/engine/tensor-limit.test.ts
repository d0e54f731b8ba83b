import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startEngineProcess } from '../../src/engine/index.ts';
import { refuseEndlessTensors } from '../../src/engine/tensor-limit.ts';

const folder = await mkdtemp(join(tmpdir(), 'quantscope-tensor-limit-'));
afterAll(() => rm(folder, { recursive: true }));

async function withTensors(count: bigint, magic = 'GGUF'): Promise<string> {
  const start = Buffer.alloc(24);
  start.write(magic);
  start.writeUInt32LE(3, 4);
  start.writeBigUInt64LE(count, 8);
  const path = join(folder, `${magic}-${count}.gguf`);
  await writeFile(path, start);
  return path;
}

describe('a file of more tensors than llama.cpp reads in reasonable time', () => {
  it('is refused before llama.cpp sees it', async () => {
    const path = await withTensors(16_385n);
    const refused = { code: 'engine/load-failed', message: expect.stringContaining('has 16385 tensors') };
    await expect(refuseEndlessTensors(path)).rejects.toMatchObject(refused);
    await using engine = await startEngineProcess({ gpu: 'off', callTimeoutMs: 60_000 });
    await expect(engine.loadModel({ path, gpuLayers: 0 })).rejects.toMatchObject(refused);
    await expect(engine.planMemory({ path, gpuLayers: 0 }, [])).rejects.toMatchObject(refused);
  });

  it('is no other file', async () => {
    await expect(refuseEndlessTensors(await withTensors(16_384n))).resolves.toBeUndefined();
    await expect(refuseEndlessTensors(await withTensors(16_385n, 'ggml'))).resolves.toBeUndefined();
    await expect(refuseEndlessTensors(join(folder, 'absent.gguf'))).resolves.toBeUndefined();
  });
});
