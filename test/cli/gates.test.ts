import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type Results, resultsSchema } from '../../src/schema/results.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoBench } from '../helpers/measurements.ts';
import { buildResults, nanoResults, nanoVariant } from '../helpers/results.ts';

/** What GitHub says of a job is not what these tests are about, wherever they run. */
const NO_CI = { GITHUB_ACTIONS: '', GITHUB_STEP_SUMMARY: '' };
const ENGINE = ['-t', '1', '--gpu', 'off', '--quiet'];

type Scratch = Awaited<ReturnType<typeof scratchFolder>>;

async function written(scratch: Scratch, name: string, value: object): Promise<string> {
  await writeFile(scratch.path(name), JSON.stringify(value));
  return scratch.path(name);
}

/** The nano family with repetitions, some of it slower than it was. */
function measured(slowdown = 1): Results {
  const variants = ['F16', 'Q8_0', 'Q2_K'].map((name) => {
    const row = nanoVariant(name);
    if ('status' in row.speed) throw new Error('the nano family is complete');
    const tps = name === 'Q2_K' ? 2000 * slowdown : 2000;
    const samplesNs = [0.99, 1, 1.01].map((spread) => Math.round((128e9 / tps) * spread));
    const generation = { tokens: 128, meanTps: tps, stddevTps: tps / 100, samplesNs };
    return { ...row, speed: { ...row.speed, generation } };
  });
  return nanoResults({ variants });
}

describe('gates', () => {
  it('of a run are judged after it: exit 1 and the reason, results all the same', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('results.json');
    const tiny = ['--only', 'accuracy', '--quick', '--chunks', '2', '--out', out, '--json'];
    const { stdout, stderr, exitCode } = await quantscope(
      ['compare', 'nano:F16', 'nano:Q2_K', ...ENGINE, ...tiny, '--fail-if', 'Q2_K.divergence.meanKld > 0.05'],
      { env: NO_CI },
    );
    expect(stderr).toMatch(
      /^gate failed: Q2_K\.divergence\.meanKld is 0\.\d+, > 0\.05\n1 gate: 0 passed, 1 failed\n$/,
    );
    expect(exitCode).toBe(1);
    expect(resultsSchema.parse(JSON.parse(stdout)).variants).toHaveLength(2);
    const good = await quantscope(['report', out, '--fail-if', 'Q2_K.divergence.meanKld > 5'], {
      env: NO_CI,
    });
    expect([good.exitCode, good.stderr]).toEqual([0, '1 gate: 1 passed\n']);
  });

  it.each([
    [['compare', '--fail-if', 'any.file.bytes >'], /expected a number, got the end/],
    [
      ['compare', 'nano:Q2_K', '--fail-if', 'Q4.file.bytes > 1'],
      /no variant "Q4"\nhint: The variants are Q2_K/,
    ],
    [
      ['compare', 'nano:Q2_K', '--only', 'size', '--fail-if', 'any.tasks.accuracy < 1'],
      /will not be measured/,
    ],
    [
      ['eval', 'nano:Q2_K', '--only', 'text', '--fail-if', 'any.choices.accuracy < 1'],
      /will not be measured/,
    ],
    [
      ['compare', '--shard', '1/2', '--fail-if', 'any.file.bytes > 1'],
      /a shard holds a part[\s\S]*quantscope report/,
    ],
    [['compare', '--gates', 'missing.json'], /missing\.json cannot be read/],
    [['compare', '--baseline', 'missing.json'], /missing\.json cannot be read/],
    [
      ['report', 'missing.json', '--gate-format', 'xml'],
      /Allowed choices are text, json, junit, sarif, gitlab, github/,
    ],
  ])('that cannot be are refused before anything is measured (%#)', async (args, message) => {
    const { stdout, stderr, exitCode } = await quantscope([...args], { env: NO_CI });
    expect(stderr).toMatch(message);
    expect([stdout, exitCode]).toEqual(['', 2]);
  });

  it('and the table speak of one baseline, whichever is named first', async () => {
    await using scratch = await scratchFolder();
    const now = await written(scratch, 'c7.json', measured());
    const other = await written(scratch, 'c5.json', {
      ...measured(2),
      createdAt: '2026-03-15T00:00:00.000Z',
    });
    const gates = await written(scratch, 'gates.json', { regression: { 'speed.generation': '5%' } });
    const said = [];
    for (const baselines of [
      [now, other],
      [other, now],
    ]) {
      const named = baselines.flatMap((path) => ['--baseline', path]);
      const { exitCode, stdout, stderr } = await quantscope(['report', now, ...named, '--gates', gates], {
        env: NO_CI,
      });
      said.push({ exitCode, stdout, stderr });
    }
    // Two runs of one configuration are one baseline, whose runs say how far runs are apart.
    expect(said[0]).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Nothing changed beyond noise'),
    });
    expect(said[1]).toEqual(said[0]);
    const threaded = { ...measured(), settings: { ...measured().settings, seed: 9 } };
    const third = await written(scratch, 'seed.json', threaded);
    const refused = await quantscope(['report', now, '--baseline', now, '--baseline', third], { env: NO_CI });
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(/more than one baseline is from the machine/);
  });

  it('on speeds that were disturbed are not judged, which is no failure of the model', async () => {
    await using scratch = await scratchFolder();
    const slow = measured(0.5);
    const disturbed = [{ code: 'machine/others', message: 'other processes used 40 % of the CPU time' }];
    const variants = slow.variants.map((row) =>
      'status' in row.speed ? row : { ...row, speed: { ...row.speed, disturbed } },
    );
    const [now, old, gates] = [
      await written(scratch, 'now.json', { ...slow, variants }),
      await written(scratch, 'old.json', measured()),
      await written(scratch, 'gates.json', { regression: { 'speed.generation': '5%' } }),
    ];
    const judge = ['report', now, '--baseline', old, '--gates', gates, '--quiet'];
    const { exitCode, stderr } = await quantscope(judge, { env: NO_CI });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^gate not judged: .*Q2_K.* cannot be judged: disturbed: other processes used 40 %/m,
    );
    expect(stderr).toMatch(/1 gate: 0 passed, 1 disturbed$/m);
    const limit = ['report', now, '--quiet', '--fail-if', 'Q2_K.speed.generation.meanTps < 1500'];
    expect(await quantscope(limit, { env: NO_CI })).toMatchObject({ exitCode: 2 });
    // What fails beside it fails all the same, and what holds in spite of it holds.
    const also = [...limit, '--fail-if', 'any.file.bytes > 1'];
    expect(await quantscope(also, { env: NO_CI })).toMatchObject({ exitCode: 1 });
    const holds = ['report', now, '--quiet', '--fail-if', 'Q2_K.speed.generation.meanTps < 500'];
    expect(await quantscope(holds, { env: NO_CI })).toMatchObject({ exitCode: 0 });
  });

  it('come from a file, with names, severities and regressions', async () => {
    await using scratch = await scratchFolder();
    const old = await written(scratch, 'old.json', measured());
    const same = await written(scratch, 'same.json', measured(0.999));
    const slow = await written(scratch, 'slow.json', measured(0.8));
    const gates = await written(scratch, 'gates.json', {
      gates: [
        { name: 'quality', failIf: 'Q8_0.divergence.meanKld > 0.05' },
        { name: 'small', failIf: 'any.file.bytes > 4MB', severity: 'warning' },
      ],
      regression: { 'speed.generation': '5%', 'divergence.meanKld': '10%' },
    });
    const report = (file: string, ...more: string[]) =>
      quantscope(['report', file, '--gates', gates, '--format', 'csv', ...more], { env: NO_CI });
    const without = await report(slow);
    expect(without.stderr).toMatch(/allows regressions, and there is no baseline/);
    expect(without.exitCode).toBe(2);
    const unchanged = await report(same, '--baseline', old);
    expect(unchanged.stderr).toMatch(/^gate warning: small: F16[^\n]*\n4 gates: 3 passed, 1 failed\n$/);
    expect(unchanged.exitCode).toBe(0);
    const slower = await report(slow, '--baseline', old);
    expect(slower.stderr).toMatch(
      /gate failed: regression of speed\.generation\.meanTps: Q2_K\.speed\.generation\.meanTps went from 2000 to 1600, -20 %, beyond noise/,
    );
    expect(slower.exitCode).toBe(1);
  });

  it.each<[string, RegExp]>([
    ['{', /not JSON/],
    [
      '{"regression": {"divergence.meanKld": "5%",\n"divergence.meanKld": "50%"}}',
      /"divergence\.meanKld" is there twice: in line 1 and in line 2/,
    ],
    ['{"gate": []}', /Unrecognized key: "gate"/],
    [
      '{"gates": [{"name": "a", "failIf": "any.file.byte > 1"}]}',
      /gate "a": "any\.file\.byte > 1": there is no figure/,
    ],
    [
      '{"gates": [{"name": "a", "failIf": "any.file.bytes > 1"}, {"name": "a", "failIf": "any.file.bytes > 2"}]}',
      /two gates are called "a"/,
    ],
    ['{}', /there is no gate in it/],
    [
      '{"regression": {"speed.generation": "5%", "speed.generation.meanTps": "9%"}}',
      /speed\.generation and speed\.generation\.meanTps are one figure/,
    ],
    ['{"gates": [{"name": "a", "failIf": "any.tasks.flips.share > 5"}]}', /the limit is 5\n/],
    ['{"regression": {"speed.gen": "5%"}}', /"speed\.gen" is no figure whose noise is known/],
    ['{"regression": {"speed.generation": "five"}}', /got "five", expected an allowance/],
  ])('in a file that is wrong (%#) are one clear error', async (text, message) => {
    await using scratch = await scratchFolder();
    const results = await written(scratch, 'results.json', nanoResults());
    await writeFile(scratch.path('gates.json'), text);
    const { stderr, exitCode } = await quantscope(['report', results, '--gates', scratch.path('gates.json')]);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('gates.json');
    expect(exitCode).toBe(2);
  });

  it('are written in any form, into a file or to stderr', async () => {
    await using scratch = await scratchFolder();
    const results = await written(scratch, 'results.json', nanoResults());
    const failIf = ['--fail-if', 'Q2_K.file.bytes > 1MB'];
    const file = scratch.path('gates.sarif');
    const sarif = await quantscope(
      ['report', results, ...failIf, '--gate-format', 'sarif', '--gate-out', file],
      { env: NO_CI },
    );
    expect(sarif.stderr).toMatch(/^gate failed: Q2_K\.file\.bytes is 1\.803 MB, > 1 MB\n/);
    expect(JSON.parse(await readFile(file, 'utf8')).runs[0].results).toHaveLength(1);
    const json = await quantscope(['report', results, ...failIf, '--gate-format', 'json'], { env: NO_CI });
    expect(JSON.parse(json.stderr)).toMatchObject({ schema: 'quantscope/gates@1', verdict: 'failed' });
    const nowhere = await quantscope(['report', results, ...failIf, '--gate-out', scratch.path('no/where')]);
    expect(nowhere.stderr).toMatch(/no\/where cannot be written/);
    expect(nowhere.exitCode).toBe(2);
  });

  it('in GitHub Actions are annotations and a job summary, unless they shall not be', async () => {
    await using scratch = await scratchFolder();
    const results = await written(scratch, 'results.json', nanoResults());
    const summary = scratch.path('summary.md');
    await writeFile(summary, 'of another step\n');
    const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary };
    const gate = ['--fail-if', 'any.file.bytes > 8MB'];
    const { stderr, exitCode } = await quantscope(['report', results, ...gate], { env });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^::error title=quantscope gate any\.file\.bytes > 8MB::F16\.file\.bytes is 8\.439 MB, > 8 MB\n/,
    );
    const text = await readFile(summary, 'utf8');
    expect(text).toMatch(/^of another step\n### Gates failed\n\n1 gate: 0 passed, 1 failed\.\n/);
    expect(text).toContain('| **Q4_K_M** |');
    const quiet = await quantscope(['report', results, ...gate, '--no-github'], { env });
    expect(quiet.stderr).not.toContain('::');
    await quantscope(['report', results], { env });
    expect(await readFile(summary, 'utf8')).toBe(text);
    await quantscope(['report', results, '--github'], { env });
    expect((await readFile(summary, 'utf8')).slice(text.length)).toMatch(/^### /);
  });

  it('about results without figures fail as what cannot be judged', async () => {
    await using scratch = await scratchFolder();
    const results = await written(
      scratch,
      'results.json',
      buildResults({
        variants: [nanoVariant('Q2_K', { tasks: { status: 'unavailable', reason: 'the disk was full' } })],
      }),
    );
    const gate = 'any.tasks.accuracy < 50%';
    const strict = await quantscope(['report', results, '--fail-if', gate], { env: NO_CI });
    expect(strict.stderr).toMatch(
      /^gate failed: cannot be judged: Q2_K\.tasks\.accuracy is unavailable: the disk was full\n/,
    );
    expect(strict.exitCode).toBe(1);
    const lenient = await quantscope(['report', results, '--fail-if', `${gate} if available`], {
      env: NO_CI,
    });
    expect(lenient.exitCode).toBe(0);
  });
});

describe('gates and models behind endpoints', () => {
  const { tasks } = nanoVariant('Q8_0');
  const endpoint = { name: 'gpt', url: 'http://localhost:1/v1', tasks, medianReplyMs: 10 };
  const judged = async (value: Results, ...conditions: string[]) => {
    await using scratch = await scratchFolder();
    const results = await written(scratch, 'results.json', value);
    const gates = conditions.flatMap((condition) => ['--fail-if', condition]);
    return await quantscope(['report', results, '--gate-format', 'json', ...gates], { env: NO_CI });
  };

  it('judge their answers by name and among any and all, and say where they are', async () => {
    const alone = buildResults({ endpoints: [endpoint] });
    for (const subject of ['gpt', 'any', 'all']) {
      const { stderr, exitCode } = await judged(alone, `${subject}.tasks.accuracy < 99%`);
      expect(exitCode).toBe(1);
      const [{ findings }] = JSON.parse(stderr).outcomes;
      expect(findings).toMatchObject([{ variant: 'gpt', figure: 'tasks.accuracy', ref: endpoint.url }]);
    }
    const beside = nanoResults({ endpoints: [endpoint] });
    const both = await judged(beside, 'any.tasks.accuracy < 99%', 'gpt.tasks.flips.count > 5');
    expect(JSON.parse(both.stderr).outcomes[0].findings).toHaveLength(5);
    expect(JSON.parse(both.stderr).outcomes[1].verdict).toBe('passed');
  });

  it('know nothing else of them, which is no pass', async () => {
    const { stderr, exitCode } = await judged(buildResults({ endpoints: [endpoint] }), 'gpt.file.bytes > 1');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stderr).outcomes[0]).toMatchObject({
      verdict: 'unjudged',
      findings: [{ value: { reason: 'an endpoint is asked the tasks alone' } }],
    });
    const typo = await judged(nanoResults({ endpoints: [endpoint] }), 'gbt.tasks.accuracy < 1');
    expect(typo.stderr).toMatch(/there is no variant "gbt"\nhint: .*Did you mean gpt\?/);
  });
});

describe('a verdict without gates', () => {
  it('is refused: the file that a later step waits for would never be written', async () => {
    await using scratch = await scratchFolder();
    const results = await written(scratch, 'results.json', nanoResults());
    const { stderr, exitCode } = await quantscope([
      'report',
      results,
      '--gate-out',
      scratch.path('gates.xml'),
    ]);
    expect(stderr).toMatch(/^error: --gate-out writes what gates found, and there are none\nhint: /);
    expect(exitCode).toBe(2);
  });
});

describe('shards of compare', () => {
  it('are put together by report to the last digit of an undivided run, and judged there', async () => {
    await using scratch = await scratchFolder();
    const all = await readFile(new URL('../../fixtures/nano/tasks.jsonl', import.meta.url), 'utf8');
    const tasks = scratch.path('tasks.jsonl');
    await writeFile(tasks, all.split('\n').slice(0, 10).join('\n'));
    const compare = async (name: string, ...more: string[]): Promise<string> => {
      const out = scratch.path(name);
      const inputs = ['nano:F16', 'nano:Q2_K', '--only', 'accuracy', '--tasks', tasks, '--chunks', '2'];
      const { stderr, exitCode } = await quantscope(
        ['compare', ...inputs, ...ENGINE, '--out', out, ...more],
        {
          env: { QUANTSCOPE_SHARD: '2/2' },
        },
      );
      expect([stderr, exitCode]).toEqual(['', 0]);
      return out;
    };
    const whole: Results = JSON.parse(await readFile(await compare('whole.json'), 'utf8'));
    const shards = [
      await compare('shard-2.json', '--shard', 'auto'),
      await compare('shard-1.json', '--shard', '1/2'),
    ];
    const merged = await quantscope(
      ['report', ...shards, '--format', 'json', '--quiet', '--fail-if', 'Q2_K.divergence.meanKld > 5'],
      { env: NO_CI },
    );
    expect([merged.stderr, merged.exitCode]).toEqual(['', 0]);
    const [machine, ...others] = JSON.parse(merged.stdout).machines;
    expect(others).toEqual([]);
    const { createdAt: _, machine: __, warnings: ___, ...expected } = whole;
    expect(machine.results).toMatchObject(expected);
    expect(machine.results.shard).toBeUndefined();

    const missing = await quantscope(['report', ...shards.slice(1)]);
    expect(missing.stderr).toMatch(/shard 2 of 2 is missing/);
    expect(missing.exitCode).toBe(2);
    await writeFile(scratch.path('copy.json'), await readFile(scratch.path('shard-1.json')));
    const overlapping = await quantscope(['report', ...shards, scratch.path('copy.json')]);
    expect(overlapping.stderr).toMatch(/are both shard 1 of 2/);
    expect(overlapping.exitCode).toBe(2);
  });
});

describe('gates on other commands', () => {
  it('judge a bench, and report compares it with an earlier one', async () => {
    await using scratch = await scratchFolder();
    const timed = (tps: number, createdAt: string) => {
      const made = nanoBench('AMD EPYC', tps, { createdAt });
      const rows = made.rows.map((row) => {
        if ('status' in row.speed) return row;
        const { tokens } = row.speed;
        const samplesNs = [0.99, 1, 1.01].map((spread) => Math.round(((tokens * 1e9) / tps) * spread));
        return { ...row, speed: { tokens, meanTps: tps, medianTps: tps, stddevTps: tps / 100, samplesNs } };
      });
      return { ...made, rows };
    };
    const old = await written(scratch, 'old.json', timed(1000, '2026-03-19T00:00:00.000Z'));
    const now = await written(scratch, 'now.json', timed(500, '2026-03-20T00:00:00.000Z'));
    const gates = await written(scratch, 'gates.json', { regression: { 'speed.meanTps': '5%' } });
    const args = ['report', now, '--baseline', old, '--gates', gates];
    const { exitCode, stdout, stderr } = await quantscope(args, { env: NO_CI });
    expect(stderr).toMatch(/gate failed: regression of speed\.meanTps: .* went from 1000 to 500, -50 %/);
    expect(stdout).toMatch(/speed +1000 t\/s +500 t\/s +.50\.0 %/);
    expect(exitCode).toBe(1);
  });

  it('judge a bench, a context and a fit as they are made', async () => {
    const quick = ['-t', '1', '--gpu', 'off', '--quiet'];
    const bench = ['bench', 'nano:Q2_K', '-p', '16', '-n', '0', '-r', '1', ...quick];
    expect(await quantscope([...bench, '--fail-if', 'any.file.bytes > 1'], { env: NO_CI })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('there is no figure file.bytes'),
    });
    const judged = await quantscope([...bench, '--fail-if', '"Q2_K pp16".memory.weightsBytes > 1'], {
      env: NO_CI,
    });
    expect(judged).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^gate failed: Q2_K pp16\.memory/),
    });
    const sizes = [
      'context',
      'nano:Q2_K',
      '--sizes',
      '64',
      '--cache-types',
      'f16',
      '--no-accuracy',
      '-r',
      '1',
    ];
    const context = await quantscope([...sizes, ...quick, '--fail-if', 'any.contextSize < 65'], {
      env: NO_CI,
    });
    expect(context).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('64 f16.contextSize is 64'),
    });
    const fit = ['fit', 'nano:Q2_K', '--device', 'iphone-13-pro', '--fail-if', 'any.memory.totalBytes > 1'];
    expect(await quantscope(fit, { env: NO_CI })).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('iphone-13-pro Q2_K.memory.totalBytes is'),
    });
  });
});
