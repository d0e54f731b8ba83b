import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** What a Mac with Apple Silicon has: a package for a GPU, the CPU's libraries beside it, and no package for the CPU. */
const name = `${process.platform}-${process.arch}-vulkan`;
const folder = join(import.meta.dirname, '../../node_modules/@node-llama-cpp', name, 'bins', name);

it.skipIf(!existsSync(folder))('the CPU alone is loaded from the package of a GPU', () => {
  const module = new URL('../../src/engine/llama-cpp/library.ts', import.meta.url).href;
  const script = `
    import { readFileSync } from 'node:fs';
    import { loadLlamaCpp } from '${module}';
    const { api } = loadLlamaCpp({ folder: ${JSON.stringify(folder)}, cpuOnly: true, onLog: () => {} });
    const devices = Array.from({ length: api.ggml_backend_dev_count() }, (_, index) =>
      api.ggml_backend_dev_name(api.ggml_backend_dev_get(index)));
    const mapped = process.platform === 'linux' && readFileSync('/proc/self/maps', 'utf8').includes('libggml-vulkan');
    console.log(JSON.stringify({ devices, mapped }));`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  expect(JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))).toEqual({
    devices: ['CPU'],
    mapped: false,
  });
});
