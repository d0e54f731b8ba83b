import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KitCheck, KitGolden, KitResults } from '../../src/schema/kit.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { kitPackages, runApp, typeErrors } from '../helpers/kit-app.ts';
import { longropeModel, randomModel } from '../helpers/kit-models.ts';
import { nanoPath } from '../helpers/nano.ts';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  scratch = await scratchFolder();
});
afterAll(() => scratch[Symbol.asyncDispose]());

const absent = await kitPackages();

/** A kit of a model, its app compiled against llama.rn's types, and what a phone's run of it is judged as. */
async function appOf(name: string, model: string, ...asked: string[]) {
  const [kit, app] = [scratch.path(`kit-${name}`), scratch.path(`app-${name}`)];
  const more = ['-o', kit, '-t', '1', '-q', '--device', 'galaxy-s23', '--backend', 'cpu', ...asked];
  const { stderr, exitCode } = await quantscope(['kit', model, ...more]);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  expect(await typeErrors(kit, app)).toBe('');
  const golden: KitGolden = JSON.parse(await readFile(join(kit, 'golden.json'), 'utf8'));
  const run = (modelPath = model, params: object = {}): Promise<KitResults> =>
    runApp(app, { modelPath, device: { name: 'Node' }, params: { n_threads: 1, ...params }, repetitions: 1 });
  const check = async (results: KitResults, against = golden) => {
    const [file, goldenFile] = [join(kit, 'results.json'), join(kit, 'against.json')];
    await writeFile(file, JSON.stringify(results));
    await writeFile(goldenFile, JSON.stringify(against));
    const found = await quantscope(['kit', 'check', file, '-g', goldenFile, '--json']);
    const checked: KitCheck = JSON.parse(found.stdout);
    const errors = checked.findings.filter(({ level }) => level === 'error').map(({ code }) => code);
    return { checked, errors, exitCode: found.exitCode };
  };
  const source = await readFile(join(kit, 'llama-rn.ts'), 'utf8');
  return { golden, run, check, source };
}

/** No reply goes apart where the computer was sure, and distributions differ by rounding alone. */
function agrees({
  checked,
  errors,
  exitCode,
}: {
  checked: KitCheck;
  errors: string[];
  exitCode: number | null;
}) {
  expect(errors).toEqual([]);
  expect(exitCode).toBe(0);
  expect(checked.prompts.filter(({ divergence }) => divergence?.isNearTie === false)).toEqual([]);
  expect('mean' in checked.logProbs ? checked.logProbs.mean : Number.NaN).toBeLessThan(0.02);
}

describe.skipIf(absent !== null)(
  `an app on llama.rn’s native core${absent === null ? '' : `: ${absent}`}`,
  () => {
    it('with a plain model says the golden replies, and is told where a reply is another', async () => {
      const { golden, run, check } = await appOf('plain', nanoPath('Q4_K_M'));
      const results = await run();
      agrees(await check(results));
      const [first, second] = golden.prompts;
      if (first === undefined || second === undefined) throw new Error('no prompts');
      const changed = { ...golden, prompts: [{ ...first, reply: second.reply }, ...golden.prompts.slice(1)] };
      const { errors, exitCode } = await check(results, changed);
      expect(errors).toContain('kit/wrong-token');
      expect(exitCode).toBe(1);
    });

    it('with longrope is held to replies of its own side of the original length', async () => {
      const path = scratch.path('longrope.gguf');
      await writeFile(path, longropeModel(1024, 4096));
      const long = await appOf('long', path, '-c', '2048');
      agrees(await long.check(await long.run()));
      const short = await appOf('short', path, '-c', '1024');
      agrees(await short.check(await short.run()));
      const told = 'beyond the 1,024 tokens of the first training every position gets the long rope factors';
      expect([long.source.includes(told), short.source.includes(told)]).toEqual([true, false]);
      expect(long.golden.prompts[0]?.reply.steps).not.toEqual(short.golden.prompts[0]?.reply.steps);

      // The same kit in an app that opens a smaller context: all positions have other factors.
      const { errors, exitCode } = await long.check(await long.run(path, { n_ctx: 1024 }));
      expect(errors).toContain('kit/wrong-distribution');
      expect(exitCode).toBe(1);
    });

    it('with windows keeps and sees no more than they hold', async () => {
      const [path, other] = [scratch.path('window-64.gguf'), scratch.path('window-32.gguf')];
      await writeFile(path, randomModel('gemma3', 64));
      await writeFile(other, randomModel('gemma3', 32));
      const { golden, run, check } = await appOf('windowed', path, '-c', '2048');
      // Every other layer: its window and a batch of 512, rounded up to 768 cells of 512 bytes.
      expect(golden.expected.memory.kvBytes).toBe(3 * 512 * (768 + 2048));
      agrees(await check(await run()));
      agrees(await check(await run(path, { swa_full: true })));

      // The file of the same size on the phone sees half as far.
      const { checked, errors, exitCode } = await check(await run(other));
      expect(errors).toContain('kit/wrong-distribution');
      expect(exitCode).toBe(1);
      // Prompts within both windows cannot tell.
      expect(checked.prompts.find(({ name }) => name === 'summary')?.divergence).not.toBeNull();
    });

    it('with recurrent layers keeps their states between turns, in memory that was counted', async () => {
      const [path, other] = [scratch.path('hybrid.gguf'), scratch.path('hybrid-2.gguf')];
      await writeFile(path, randomModel('lfm2', null));
      await writeFile(other, randomModel('lfm2', null, 2));
      const { golden, run, check, source } = await appOf('hybrid', path, '-c', '1024');
      const { memory } = golden.expected;
      // Three layers of convolution keep two rows of 128 numbers each; eight such states are kept of earlier turns.
      expect(memory).toMatchObject({ stateBytes: 3 * 2 * 128 * 4, checkpointBytes: 8 * 3 * 2 * 128 * 4 });
      expect(memory.totalBytes).toBe(
        memory.weightsBytes +
          memory.kvBytes +
          memory.stateBytes +
          memory.checkpointBytes +
          memory.computeBytes,
      );
      expect(source).toContain('  state_cache_budget_mb: 1,\n');
      const results = await run();
      expect(results.parameters).toMatchObject({ state_cache_budget_mb: 1 });
      agrees(await check(results));
      agrees(await check(await run(path, { state_cache_budget_mb: 0 })));

      const { errors, exitCode } = await check(await run(other));
      expect(errors).toContain('kit/wrong-distribution');
      expect(exitCode).toBe(1);
    });
  },
);
