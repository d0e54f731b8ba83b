import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { mergeShards, type ShardFile } from '../../src/measure/shard-merge.ts';
import { isAvailable, type Unavailable } from '../../src/schema/availability.ts';
import { type Results, resultsSchema } from '../../src/schema/results.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';
import { openAiServer } from '../helpers/openai-server.ts';

const QUICKLY = ['-t', '1', '--gpu', 'off', '--quick', '--quiet', '--json'];

async function evaluated(args: readonly string[], expectedExit = 0): Promise<Results> {
  await using scratch = await scratchFolder();
  const out = scratch.path('results.json');
  const { stdout, stderr, exitCode } = await quantscope(['eval', ...args, ...QUICKLY, '--out', out]);
  expect(stderr).toBe('');
  expect(exitCode).toBe(expectedExit);
  expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(JSON.parse(stdout));
  return resultsSchema.parse(JSON.parse(stdout));
}

function row(results: Results, name: string) {
  const found = results.variants.find((variant) => variant.name === name);
  if (found === undefined) throw new Error(`no row ${name}`);
  return found;
}

function taken<Figure>(figure: Figure | Unavailable | undefined): Exclude<Figure, Unavailable> {
  if (figure === undefined || !isAvailable(figure)) throw new Error(JSON.stringify(figure));
  return figure as Exclude<Figure, Unavailable>;
}

describe('eval', () => {
  it('ends tasks as soon as the drop is decided, and judges by the answers to the same questions', async () => {
    await using scratch = await scratchFolder();
    const kept = scratch.path('f16.qsref');
    const wide = [
      '--only',
      'tasks',
      '--until-decided',
      '--max-accuracy-drop',
      '50',
      '-t',
      '1',
      '--gpu',
      'off',
    ];
    const args = ['eval', 'nano:F16', 'nano:Q2_K', ...wide, '-q', '--json'];
    const { stdout, exitCode, stderr } = await quantscope(args);
    expect(exitCode, stderr).toBe(0);
    const results = resultsSchema.parse(JSON.parse(stdout));
    const [reference, early] = ['F16', 'Q2_K'].map((name) => taken(row(results, name).tasks));
    expect(reference?.total).toBe(332);
    expect(early?.total).toBeLessThan(332);
    const flipped = early?.outcomes.filter((correct, item) => correct !== reference?.outcomes[item]);
    expect(taken(early?.flips).count).toBe(flipped?.length);
    // Answers in the order of the file are not held against those in an order drawn by lot.
    await evaluated(['nano:F16', '--only', 'text,tasks', '--chunks', '2', '--save-reference', kept]);
    const other = await quantscope(['eval', 'nano:Q2_K', '--reference', kept, ...wide, '--quick', '-q']);
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toMatch(/was asked other tasks.*\nhint: .*--until-decided to both or neither/);
  });

  it('keeps a reference and compares with it later to the last digit, the reference’s model away', async () => {
    await using scratch = await scratchFolder();
    const kept = scratch.path('f16.qsref');
    const together = await evaluated(['nano:F16', 'nano:Q2_K', '--save-reference', kept]);
    const later = await evaluated(['nano:Q2_K', '--reference', kept]);
    expect(later.reference).toBe('F16');
    expect(row(later, 'F16')).toEqual(row(together, 'F16'));
    for (const figure of ['perplexity', 'divergence', 'tasks', 'choices'] as const) {
      expect(row(later, 'Q2_K')[figure]).toEqual(row(together, 'Q2_K')[figure]);
    }
    expect(taken(row(later, 'Q2_K').divergence).meanKld).toBeGreaterThan(0.05);
    expect(taken(row(later, 'Q2_K').tasks).flips).toMatchObject({ count: expect.any(Number) });

    const other = await quantscope(['eval', 'nano:Q2_K', '--reference', kept, '--tasks', kept, ...QUICKLY]);
    expect(other.exitCode).toBe(2);
    await writeFile(scratch.path('tasks.jsonl'), '{"task":"a","prompt":"b","answer":"c"}\n');
    const others = await quantscope([
      'eval',
      'nano:Q2_K',
      '--reference',
      kept,
      '--tasks',
      scratch.path('tasks.jsonl'),
      ...QUICKLY,
    ]);
    expect(others.stderr).toMatch(/was asked other tasks/);
    expect(others.exitCode).toBe(2);
    await writeFile(
      scratch.path('choices.jsonl'),
      '{"task":"a","prompt":"b","choices":["c","d"],"answer":"c"}\n',
    );
    for (const [otherwise, noun] of [
      [['--quick', '--choices', scratch.path('choices.jsonl')], 'questions of multiple choice'],
      [['--quick', '--template', 'off'], 'tasks'],
      [[], 'tasks'],
      [['--only', 'choices'], 'questions of multiple choice'],
    ] as const) {
      const refused = await quantscope(['eval', 'nano:Q2_K', '--reference', kept, ...otherwise, '-q']);
      expect(refused.stderr, otherwise.join(' ')).toContain(`was asked other ${noun}`);
      expect(refused.exitCode).toBe(2);
    }
    await writeFile(scratch.path('short.qsref'), (await readFile(kept)).subarray(0, 5000));
    const short = await quantscope([
      'eval',
      'nano:Q2_K',
      '--reference',
      scratch.path('short.qsref'),
      ...QUICKLY,
    ]);
    expect(short.stderr).toMatch(/short\.qsref is not a complete reference/);
    expect(short.exitCode).toBe(2);
  });

  it('puts shards together to the last digit of an undivided run', async () => {
    await using scratch = await scratchFolder();
    const tasks = scratch.path('tasks.jsonl');
    const all = (await readFile(new URL('../../fixtures/nano/tasks.jsonl', import.meta.url), 'utf8')).split(
      '\n',
    );
    await writeFile(tasks, all.slice(0, 40).join('\n'));
    const args = ['nano:F16', 'nano:Q2_K', '--tasks', tasks, '--chunks', '7'];
    const whole = await evaluated(args);
    const shards: ShardFile[] = [];
    for (const index of [3, 1, 2]) {
      shards.push({ name: `shard ${index}`, results: await evaluated([...args, '--shard', `${index}/3`]) });
    }
    const merged = mergeShards(shards);
    const { createdAt: _, machine: __, warnings: ___, ...expected } = whole;
    expect(merged).toMatchObject(expected);
    expect(merged.variants.some(({ share }) => share !== undefined)).toBe(false);
    expect(() => mergeShards(shards.slice(1))).toThrow(/shard 3 of 3 is missing/);
    expect(() => mergeShards([...shards, ...shards.slice(1, 2)])).toThrow(/are both shard 1 of 3/);
    expect(() => mergeShards([{ name: 'whole', results: whole }])).toThrow(/is a whole run/);
    const [first, ...others] = shards;
    if (first === undefined) throw new Error('no shard');
    const otherSeed = { ...first.results, settings: { ...first.results.settings, seed: 5 } };
    expect(() => mergeShards([...others, { name: 'odd', results: otherSeed }])).toThrow(/other settings/);
  });

  it('does one part alone, and starts with nothing it does not need', async () => {
    const results = await evaluated(['nano:Q8_0', '--only', 'choices']);
    const { choices, perplexity, tasks } = row(results, 'Q8_0');
    expect(taken(choices)).toMatchObject({ total: results.settings.evaluation.choiceItems });
    expect(taken(choices).correct / taken(choices).total).toBeGreaterThan(0.6);
    expect(perplexity).toMatchObject({ status: 'unavailable' });
    expect(tasks).toMatchObject({ status: 'unavailable' });
  });

  it('asks the multiple choice of a file', async () => {
    await using scratch = await scratchFolder();
    const path = scratch.path('choices.jsonl');
    const line = (choices: string[], answer: string | number) =>
      JSON.stringify({
        task: 'letters',
        prompt: 'Which letter does the word goat begin with?',
        choices,
        answer,
      });
    await writeFile(path, `${line(['Q.', 'G.', 'Z.'], 'G.')}\n${line(['G.', 'X.'], 1)}\n`);
    const { variants } = await evaluated(['nano:F16', '--only', 'choices', '--choices', path]);
    expect(taken(variants[0]?.choices)).toMatchObject({ correct: 1, total: 2, outcomes: [true, false] });
    await writeFile(path, line(['A', 'B'], 'C'));
    const { stderr, exitCode } = await quantscope(['eval', 'nano:F16', '--choices', path, ...QUICKLY]);
    expect(stderr).toMatch(/line 1, field "answer": "C" is none of the 2 choices/);
    expect(exitCode).toBe(2);
  });

  it('scores an endpoint on the same tasks: the same model answers the same', async () => {
    await using server = await openAiServer(nanoPath('Q8_0'));
    server.faults.push(
      { status: 429, body: { error: { message: 'slow down' } }, headers: { 'retry-after': '0' } },
      { status: 400, body: { error: { message: "Use 'max_completion_tokens' instead of 'max_tokens'." } } },
    );
    const results = await evaluated([
      'nano:Q8_0',
      '--only',
      'tasks',
      '--openai',
      server.url,
      '--model',
      'nano-q8',
      '--concurrency',
      '1',
    ]);
    const [endpoint] = results.endpoints ?? [];
    expect(endpoint).toMatchObject({ name: 'nano-q8', url: server.url });
    expect(taken(endpoint?.tasks).outcomes).toEqual(taken(row(results, 'Q8_0').tasks).outcomes);
    expect(taken(endpoint?.tasks).flips).toMatchObject({ count: 0, pValue: 1 });
    expect(server.requests.at(-1)?.body).toMatchObject({ model: 'nano-q8', temperature: 0 });
    expect(server.requests.at(-1)?.body).toHaveProperty('max_completion_tokens');
  });

  it('sends the key to the endpoint and shows it nowhere', async () => {
    await using server = await openAiServer(nanoPath('Q2_K'));
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('one.jsonl'), '{"task":"a","prompt":"Say yes.","answer":"yes"}\n');
    const { stdout, stderr, exitCode } = await quantscope(
      [
        'eval',
        '--only',
        'tasks',
        '--tasks',
        scratch.path('one.jsonl'),
        '--openai',
        server.url,
        '--model',
        'm',
        '--key-env',
        'MY_KEY',
        '--out',
        scratch.path('out.json'),
      ],
      { env: { MY_KEY: 'sk-secret' } },
    );
    expect(exitCode).toBe(0);
    expect(server.requests[0]?.authorization).toBe('Bearer sk-secret');
    expect(stdout).toMatch(/Endpoint\n {2}m at http:\/\/127\.0\.0\.1:\d+\/v1: [01] of 1 tasks right/);
    expect(stdout + stderr + (await readFile(scratch.path('out.json'), 'utf8'))).not.toContain('sk-secret');
  });

  it('makes an endpoint that does not answer a finding, not an accuracy', async () => {
    await using server = await openAiServer(nanoPath('Q2_K'));
    server.faults.push({ status: 401, body: { error: { message: 'Incorrect API key provided' } } });
    const { endpoints } = await evaluated(
      ['--only', 'tasks', '--openai', server.url, '--model', 'm', '--concurrency', '1'],
      1,
    );
    expect(endpoints?.[0]?.tasks).toMatchObject({
      status: 'unavailable',
      reason: expect.stringMatching(/question 1 of \d+ was not answered: 401 Incorrect API key/),
    });
  });

  it.each([
    [['--openai', 'ftp://x/v1', '--model', 'm'], /not an http or https address/],
    [['--openai', 'http://user:pass@x/v1', '--model', 'm'], /holds a user name or password/],
    [['--openai', 'http://x/v1'], /--openai and --model belong together/],
    [['nano:Q2_K', '--reference', 'Q9_9'], /no variant is called "Q9_9"/],
    [['nano:Q2_K', '--only', 'speed'], /"speed" is none of text, tasks, choices/],
    [['nano:Q2_K', '--text', 'missing.txt'], /missing\.txt cannot be read/],
  ])('says what is wrong (%#)', async (args, message) => {
    const { stderr, exitCode } = await quantscope(['eval', ...args, ...QUICKLY]);
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(2);
  });
});
