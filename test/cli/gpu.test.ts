import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { isAvailable } from '../../src/schema/availability.ts';
import { type BenchResults, benchSchema } from '../../src/schema/bench.ts';
import { resultsSchema } from '../../src/schema/results.ts';
import { runSchema } from '../../src/schema/run.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { HIDE_LLVMPIPE, hasLlvmpipe, TAKE_LLVMPIPE } from '../helpers/llvmpipe.ts';

const QUESTION = ['nano:Q4_K_M', 'What is 3 plus 4?', '--greedy', '-t', '1', '-c', '64', '-n', '3'];
/** llvmpipe evaluates a few tokens a second. */
const TINY = ['-t', '1', '-p', '4', '-n', '1', '-r', '1'];

async function reply(args: readonly string[], env: Readonly<Record<string, string | undefined>>) {
  const { stdout, stderr, exitCode } = await quantscope(['run', ...QUESTION, ...args, '--json'], { env });
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return runSchema.parse(JSON.parse(stdout));
}

async function bench(args: readonly string[], env: Readonly<Record<string, string | undefined>>) {
  await using scratch = await scratchFolder();
  const out = scratch.path('out.json');
  const done = await quantscope(['bench', 'nano:Q4_K_M', ...TINY, '-q', '--out', out, ...args], { env });
  return { ...done, results: (): BenchResults => benchSchema.parse(JSON.parse(done.stdout)) };
}

it('names a backend that this system cannot have, and those it can', async () => {
  const other = process.platform === 'darwin' ? 'cuda' : 'metal';
  const { exitCode, stdout, stderr } = await quantscope(['run', ...QUESTION, '--gpu', other]);
  expect(exitCode).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(`llama.cpp has no ${other} on ${process.platform} here`);
  expect(stderr).toContain('--gpu off for the CPU');
});

describe.skipIf(!hasLlvmpipe)('--gpu on llvmpipe (Debian: mesa-vulkan-drivers)', () => {
  it('run says the same as the CPU, whichever layers are on the GPU', async () => {
    const onCpu = await reply(['--gpu', 'off'], {});
    expect(onCpu.engine).toMatchObject({ backend: 'cpu', devices: [] });
    expect(onCpu.settings.gpuLayers).toBeNull();
    for (const [layers, onGpu] of [
      ['max', 5],
      ['2', 2],
    ] as const) {
      const onVulkan = await reply(['--gpu', 'vulkan', '--gpu-layers', layers], TAKE_LLVMPIPE);
      expect(onVulkan.engine.backend).toBe('vulkan');
      expect(onVulkan.engine.devices.join()).toContain('llvmpipe');
      expect(onVulkan.settings.gpuLayers).toEqual({ onGpu, total: 5 });
      expect(onVulkan.reply).toEqual(onCpu.reply);
    }
  });

  it('run --gpu auto says that it took the CPU, and why', async () => {
    const { engine } = await reply(['--gpu', 'auto'], HIDE_LLVMPIPE);
    expect(engine).toMatchObject({ backend: 'cpu', gpuFallback: expect.stringContaining('vulkan') });
    const { stderr } = await quantscope(['run', ...QUESTION], { env: HIDE_LLVMPIPE });
    expect(stderr).toContain(`; --gpu auto took the CPU: ${engine.gpuFallback}`);
  });

  it('bench holds the GPU against the CPU', async () => {
    const { results } = await bench(['--gpu', 'auto,off', '--json'], TAKE_LLVMPIPE);
    const { rows, machine } = results();
    expect(rows.map(({ backend, test }) => `${backend} ${test.name}`)).toEqual([
      'cpu pp4',
      'cpu tg1',
      'vulkan pp4',
      'vulkan tg1',
    ]);
    if (!isAvailable(machine.engine)) throw new Error(machine.engine.reason);
    expect(machine.engine.devices.join()).toContain('llvmpipe');
    for (const [index, { memory, speedUp, speed }] of rows.entries()) {
      if (!isAvailable(memory) || !isAvailable(memory.gpuBytes)) throw new Error('no memory');
      if (index < 2) {
        expect(memory.gpuBytes).toBe(0);
        expect(isAvailable(speedUp)).toBe(false);
        continue;
      }
      expect(memory.gpuBytes).toBeGreaterThan(1e6);
      const cpu = rows[index - 2]?.speed;
      if (!isAvailable(speed) || cpu === undefined || !isAvailable(cpu)) throw new Error('no speed');
      expect(speedUp).toBeCloseTo(speed.meanTps / cpu.meanTps, 12);
    }
  });

  it('eval and compare find on the GPU what they find on the CPU', async () => {
    await using scratch = await scratchFolder();
    const text = (await readFile(new URL('../../fixtures/nano/text.txt', import.meta.url), 'utf8')).slice(
      0,
      600,
    );
    await writeFile(scratch.path('text.txt'), text);
    const evaluated = async (
      command: string,
      args: readonly string[],
      env: Readonly<Record<string, string>>,
    ) => {
      const files = ['nano:F16', 'nano:Q2_K', '--text', scratch.path('text.txt')];
      const cheap = ['--chunks', '2', '--context', '16', '-t', '1', '-q', '--json'];
      // llvmpipe compiles a model's shaders for minutes the first time, and finds them in Mesa's cache afterwards.
      const options = { cwd: scratch.folder, env, timeoutMs: 600_000 };
      const done = await quantscope([command, ...files, ...cheap, ...args], options);
      expect([done.stderr, done.exitCode]).toEqual(['', 0]);
      return resultsSchema.parse(JSON.parse(done.stdout));
    };
    const onCpu = await evaluated('eval', ['--only', 'text', '--gpu', 'off'], {});
    const onGpu = await evaluated('eval', ['--only', 'text', '--gpu', 'vulkan'], TAKE_LLVMPIPE);
    const all = await readFile(new URL('../../fixtures/nano/tasks.jsonl', import.meta.url), 'utf8');
    await writeFile(scratch.path('one.jsonl'), all.slice(0, all.indexOf('\n')));
    const oneTask = ['--only', 'accuracy', '--tasks', scratch.path('one.jsonl')];
    const onBoth = await evaluated(
      'compare',
      [...oneTask, '--gpu', 'vulkan', '--gpu-layers', '2'],
      TAKE_LLVMPIPE,
    );
    for (const { machine, variants } of [onGpu, onBoth]) {
      if (!isAvailable(machine.engine)) throw new Error(machine.engine.reason);
      expect(machine.engine.backend).toBe('vulkan');
      expect(machine.engine.devices.join()).toContain('llvmpipe');
      for (const [index, gpu] of variants.entries()) {
        const cpu = onCpu.variants[index];
        if (cpu === undefined || !isAvailable(cpu.perplexity) || !isAvailable(gpu.perplexity))
          throw new Error('no perplexity');
        // Sums in another order, and rounded to f16 between.
        expect(Math.abs(Math.log(gpu.perplexity.value / cpu.perplexity.value))).toBeLessThan(0.01);
      }
    }
    expect(onBoth.variants.map(({ backend }) => backend)).toEqual(
      onBoth.variants.map(() => ({ gpuLayers: 2, notes: ['2 of 5 layers on the GPU'] })),
    );
    expect(onBoth.variants.every(({ tasks }) => isAvailable(tasks) && tasks.correct === 1)).toBe(true);
  }, 1_800_000);

  it('context counts what the GPU holds', async () => {
    const args = [
      'nano:Q2_K',
      '--sizes',
      '32',
      '--cache-types',
      'f16',
      '-n',
      '1',
      '--no-accuracy',
      '-t',
      '1',
      '-q',
    ];
    const { stdout, stderr, exitCode } = await quantscope(['context', ...args, '--gpu', 'vulkan', '--json'], {
      env: TAKE_LLVMPIPE,
    });
    expect([stderr, exitCode]).toEqual(['', 0]);
    expect(stdout).toContain('llvmpipe');
    expect(stdout).toMatch(/"gpuBytes": [1-9]\d+/);
  });

  it('bench makes a row of a GPU whose memory is too small', async () => {
    // A limit of llama.cpp's own, below what the compute buffer of any context takes.
    const env = { ...TAKE_LLVMPIPE, GGML_VK_FORCE_MAX_ALLOCATION_SIZE: '100000' };
    const small = { ...env, GGML_VK_FORCE_MAX_BUFFER_SIZE: '100000' };
    const { exitCode, results } = await bench(['--gpu', 'vulkan', '-n', '0', '--json'], small);
    expect(exitCode).toBe(1);
    expect(results().rows.map(({ status, failure }) => [status, failure?.message])).toEqual([
      ['failed', expect.stringMatching(/too little GPU memory \(.*Vulkan0/)],
    ]);
  });

  it('bench does not measure the CPU twice where there is no GPU', async () => {
    const { exitCode, results } = await bench(['--gpu', 'off,auto', '--json'], HIDE_LLVMPIPE);
    expect(exitCode).toBe(0);
    const { rows, warnings, machine } = results();
    expect(rows.map(({ config }) => config.gpu)).toEqual(['off', 'off']);
    expect(machine.engine).toMatchObject({ backend: 'cpu', gpuFallback: expect.any(String) });
    expect(warnings).toContainEqual(
      expect.objectContaining({ code: 'bench/no-gpu', hint: expect.stringContaining('quantscope doctor') }),
    );
  });
});
