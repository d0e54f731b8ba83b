import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchSchema } from '../../src/schema/bench.ts';
import { reportSchema } from '../../src/schema/report.ts';
import { validationSchema } from '../../src/schema/validation.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';
import { faultsBy } from '../helpers/published-schema.ts';

const FILES = ['Q2_K', 'Q4_K_M', 'Q8_0'].map(nanoPath);
const SMALL = ['-t', '1', '--gpu', 'off', '-r', '2', '-p', '8', '-n', '2', '--quiet'];

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  scratch = await scratchFolder();
});
afterAll(() => scratch[Symbol.asyncDispose]());

describe('shards of validate', () => {
  const shard = (index: number, count: number) => scratch.path(`validate-${index}-of-${count}.json`);
  const merge = (paths: readonly string[], ...args: string[]) =>
    quantscope(['validate', '--merge', ...paths, ...args]);
  const broken = 'fixtures/malformed/tensor.offset.gguf';

  beforeAll(async () => {
    for (const [count, refs] of [
      [2, [...FILES, broken]],
      [5, FILES.slice(0, 2)],
    ] as const) {
      for (let index = 1; index <= count; index++) {
        const { stdout } = await quantscope([
          'validate',
          ...refs,
          '--no-content',
          '--shard',
          `${index}/${count}`,
          '--json',
        ]);
        expect(faultsBy('validation', JSON.parse(stdout))).toBeNull();
        await writeFile(shard(index, count), stdout);
      }
    }
  });

  it('are the report of one machine, in its order, with its exit code, in any form', async () => {
    const whole = await quantscope(['validate', ...FILES, broken, '--no-content', '--json']);
    const merged = await merge([shard(2, 2), shard(1, 2)], '--json');
    expect(JSON.parse(merged.stdout)).toEqual(JSON.parse(whole.stdout));
    expect(merged.exitCode).toBe(1);
    const { stdout } = await merge([shard(1, 2), shard(2, 2)], '--format', 'sarif');
    expect(stdout).toContain('tensor/offset');
  });

  it('may hold nothing, where there are more shards than files', async () => {
    const { stdout, exitCode } = await merge(
      [1, 2, 3, 4, 5].map((index) => shard(index, 5)),
      '--json',
    );
    expect(exitCode).toBe(0);
    expect(validationSchema.parse(JSON.parse(stdout)).files).toHaveLength(2);
  });

  it('are all there, each once, and of the same files', async () => {
    const refused = async (paths: readonly string[]) => {
      const { exitCode, stdout } = await merge(paths, '--json');
      expect(exitCode).toBe(2);
      expect(faultsBy('error', JSON.parse(stdout))).toBeNull();
      const { code, message } = JSON.parse(stdout).error;
      return `${code}: ${message}`;
    };
    expect(await refused([shard(1, 2)])).toBe('shards/missing: shard 2 of 2 is missing');
    expect(await refused([shard(1, 5), shard(4, 5)])).toBe('shards/missing: shards 2, 3, 5 of 5 are missing');
    expect(await refused([shard(1, 2), shard(2, 5)])).toMatch(/^shards\/different: .* one of 5 shards/);
    const copy = scratch.path('copy.json');
    const report = validationSchema.parse(JSON.parse(await readFile(shard(1, 2), 'utf8')));
    const own = report.shard ?? expect.fail('no shard');
    const write = (changed: object) => writeFile(copy, JSON.stringify({ ...report, ...changed }));
    await write({});
    expect(await refused([shard(1, 2), copy])).toMatch(/^shards\/overlap: .* are both shard 1 of 2/);
    await write({ shard: { ...own, files: 3 } });
    expect(await refused([copy, shard(2, 2)])).toMatch(/^shards\/different: .* a shard of 4 files/);
    await write({ shard: { ...own, toolVersion: '0.0.9' } });
    expect(await refused([copy, shard(2, 2)])).toMatch(/^shards\/different: .* by 0\.0\.9/);
    await write({ shard: { ...own, index: 2 } });
    expect(await refused([shard(1, 2), copy])).toMatch(/^shards\/different: .* is in two shards/);
    await write({ files: [] });
    expect(await refused([copy, shard(2, 2)])).toMatch(/^shards\/different: .* holds 0 files, .* has 2/);
  });

  it('take no option that is about files, and are no measurements', async () => {
    const { exitCode, stderr } = await merge([shard(1, 2), shard(2, 2)], '--derived-from', 'nano:F16');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 2, stderr: /--derived-from is about files/ });
    const reported = await quantscope(['report', shard(1, 2)]);
    expect(reported.exitCode).toBe(2);
    expect(reported.stderr).toContain('validate --merge');
  });
});

describe('shards of bench', () => {
  const shard = (index: number) => scratch.path(`bench-${index}.json`);
  const report = async (paths: readonly string[]) => {
    const { stdout, stderr, exitCode } = await quantscope(['report', ...paths, '--format', 'json']);
    if (exitCode === 0) return reportSchema.parse(JSON.parse(stdout)).benches;
    expect(exitCode).toBe(2);
    return stderr;
  };

  beforeAll(async () => {
    for (const index of [1, 2]) {
      const args = ['bench', ...FILES, ...SMALL, '--shard', `${index}/2`, '--out', shard(index)];
      const { exitCode, stderr } = await quantscope(args);
      expect(exitCode, stderr).toBe(0);
      const bench: unknown = JSON.parse(await readFile(shard(index), 'utf8'));
      expect(faultsBy('bench', bench)).toBeNull();
      expect(benchSchema.parse(bench).shard).toEqual({ index, count: 2, models: 3 });
    }
  });

  it('are one bench of all models, in the order in which they were named', async () => {
    const benches = await report([shard(2), shard(1)]);
    expect(benches).toHaveLength(1);
    const [bench] = typeof benches === 'string' ? [] : benches;
    expect(bench?.results.rows.map(({ model, test }) => `${model.quantization} ${test.name}`)).toEqual([
      'Q2_K pp8',
      'Q2_K tg2',
      'Q4_K_M pp8',
      'Q4_K_M tg2',
      'Q8_0 pp8',
      'Q8_0 tg2',
    ]);
    expect(bench?.results).not.toHaveProperty('shard');
  });

  it('are missed where they are missing, and refused where they are of another version', async () => {
    expect(await report([shard(1)])).toContain('shard 2 of 2 is missing');
    const other = scratch.path('other-bench.json');
    const bench = benchSchema.parse(JSON.parse(await readFile(shard(2), 'utf8')));
    await writeFile(other, JSON.stringify({ ...bench, tool: { version: '0.0.9' } }));
    expect(await report([shard(1), other])).toMatch(/is no shard of the bench .*: quantscope 0\.0\.9, not /);
    await writeFile(other, JSON.stringify({ ...bench, shard: { index: 2, count: 2, models: 4 } }));
    expect(await report([shard(1), other])).toContain('models 4, not 3');
  });

  it('of two processors stay apart, each under its own name', async () => {
    const other = scratch.path('other-machine.json');
    const bench = benchSchema.parse(JSON.parse(await readFile(shard(2), 'utf8')));
    await writeFile(other, JSON.stringify({ ...bench, machine: { ...bench.machine, cpu: 'Another CPU' } }));
    const benches = await report([shard(1), other]);
    expect(typeof benches === 'string' ? benches : benches.map(({ label }) => label)).toEqual([
      bench.machine.cpu,
      'Another CPU',
    ]);
  });

  it('are as good as a whole run: two runs of one configuration are one bench of two runs', async () => {
    const again = scratch.path('again.json');
    const bench = benchSchema.parse(JSON.parse(await readFile(shard(1), 'utf8')));
    const { shard: _, ...whole } = bench;
    await writeFile(scratch.path('whole.json'), JSON.stringify(whole));
    await writeFile(again, JSON.stringify({ ...whole, createdAt: new Date(0).toISOString() }));
    const benches = await report([scratch.path('whole.json'), again]);
    expect(typeof benches === 'string' ? benches : benches.length).toBe(1);
    const rows = typeof benches === 'string' ? [] : (benches[0]?.results.rows ?? []);
    expect(rows).toHaveLength(whole.rows.length);
    for (const { speed } of rows) expect(speed).toMatchObject({ runs: [2, 2] });
    await writeFile(again, JSON.stringify({ ...whole, rows: whole.rows.slice(1) }));
    expect(await report([scratch.path('whole.json'), again])).toHaveLength(2);
  });

  it('cannot be judged alone, and take none where there are fewer models', async () => {
    const gated = ['bench', ...FILES, ...SMALL, '--shard', '1/2', '--fail-if', 'any.speed.meanTps < 1'];
    expect((await quantscope(gated)).stderr).toContain('a shard holds a part of the figures');
    const args = [
      'bench',
      nanoPath('Q2_K'),
      ...SMALL,
      '--shard',
      '2/2',
      '--json',
      '--out',
      scratch.path('none'),
    ];
    const { exitCode, stdout } = await quantscope(args);
    expect(exitCode).toBe(0);
    expect(benchSchema.parse(JSON.parse(stdout)).rows).toEqual([]);
  });
});
