import { execFileSync } from 'node:child_process';
import { copyFile, readFile, truncate } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { numberList } from '../../src/cli/bench/lists.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import { type BenchResults, type BenchRow, benchSchema } from '../../src/schema/bench.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

/** One thread: llama.cpp's threads wait for each other by spinning, which beside other tests takes minutes. */
const SMALL = ['-t', '1', '--gpu', 'off', '-r', '2', '-p', '16', '-n', '4'];

const schema: object = JSON.parse(
  await readFile(new URL('../../schema/bench.json', import.meta.url), 'utf8'),
);
const matchesPublishedSchema = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);

function parsed(text: string): BenchResults {
  const json: unknown = JSON.parse(text);
  expect(matchesPublishedSchema(json), JSON.stringify(matchesPublishedSchema.errors)).toBe(true);
  return benchSchema.parse(json);
}

async function bench(args: readonly string[]) {
  await using scratch = await scratchFolder();
  return await quantscope(['bench', ...args, '--out', scratch.path('out.json')]);
}

function names({ rows }: BenchResults): string[] {
  return rows.map(({ model, test }) => `${model.quantization} ${test.name}`);
}

function rate({ speed }: BenchRow) {
  if (!isAvailable(speed)) throw new Error(speed.reason);
  return speed;
}

describe('bench', () => {
  it('measures every test of the grid for every model, in llama-bench’s order and arithmetic', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('out.json');
    const args = [
      'nano:Q2_K',
      'nano:Q8_0',
      ...SMALL,
      '-d',
      '0,32',
      '-pg',
      '16,4',
      '--json',
      '-q',
      '--out',
      out,
    ];
    const { exitCode, stdout, stderr } = await quantscope(['bench', ...args]);
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    const results = parsed(stdout);
    const tests = ['pp16', 'tg4', 'pp16+tg4', 'pp16@d32', 'tg4@d32', 'pp16+tg4@d32'];
    expect(names(results)).toEqual(
      ['Q2_K', 'Q8_0'].flatMap((label) => tests.map((test) => `${label} ${test}`)),
    );
    expect(parsed(await readFile(out, 'utf8'))).toEqual(results);
    for (const row of results.rows) {
      const { tokens, meanTps, medianTps, samplesNs } = rate(row);
      expect(tokens).toBe(row.test.promptTokens + row.test.generationTokens);
      expect(samplesNs).toHaveLength(2);
      const rates = samplesNs.map((ns) => (tokens * 1e9) / ns);
      expect(meanTps / (((rates[0] ?? 0) + (rates[1] ?? 0)) / 2)).toBeCloseTo(1, 3);
      expect(medianTps).toBeGreaterThanOrEqual(Math.min(...rates));
      expect(isAvailable(row.effectiveBandwidthBytesPerSecond)).toBe(row.test.promptTokens === 0);
      expect(row.config).toMatchObject({ threads: 1, promptThreads: 1, threadsBy: 'asked', gpu: 'off' });
      expect(row.backend).toBe('cpu');
      if (!isAvailable(row.memory)) throw new Error(row.memory.reason);
      expect(row.memory.contextSize).toBe(row.test.depth + tokens);
      expect(row.memory.peakRssBytes).toBeGreaterThan(row.model.sizeBytes);
    }
  });

  it('multiplies the settings that are lists', async () => {
    const args = [
      ...SMALL,
      '-r',
      '1',
      '-n',
      '0',
      '-b',
      '64,128',
      '-ctk',
      'f16,q8_0',
      '-ctv',
      'f16',
      '-fa',
      '1,0',
    ];
    const { exitCode, stdout } = await bench(['nano:Q2_K', ...args, '--json', '-q']);
    expect(exitCode).toBe(0);
    const configs = parsed(stdout).rows.map(
      ({ config }) => `${config.batchSize} ${config.keyType} ${config.flashAttention}`,
    );
    expect(configs).toEqual([
      '64 f16 on',
      '64 f16 off',
      '64 q8_0 on',
      '64 q8_0 off',
      '128 f16 on',
      '128 f16 off',
      '128 q8_0 on',
      '128 q8_0 off',
    ]);
  });

  it('finds threads by itself and records what it tried', async () => {
    const { stdout } = await bench(['nano:Q2_K', ...SMALL, '-t', 'auto', '-n', '0', '--json', '-q']);
    const { rows, threadSearches, machine } = parsed(stdout);
    const [search] = threadSearches;
    const tried = search?.tried.map(({ threads }) => threads) ?? [];
    expect(tried.length).toBeGreaterThan(0);
    expect(Math.max(...tried)).toBeLessThanOrEqual(machine.cores);
    expect(tried).toContain(search?.promptThreads);
    expect(rows[0]?.config).toMatchObject({
      threadsBy: 'auto',
      threads: search?.generationThreads,
      promptThreads: search?.promptThreads,
    });
  });

  it('prints Markdown whose table has a cell a column in every line', async () => {
    const { stdout } = await bench(['nano:Q2_K', ...SMALL, '-o', 'md', '-q']);
    const table = stdout.split('\n').filter((line) => line.startsWith('|'));
    const cells = table.map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    expect(new Set(cells.map(({ length }) => length)).size).toBe(1);
    const test = cells[0]?.indexOf('test') ?? -1;
    expect(cells.slice(2).map((line) => line[test])).toEqual(['pp16', 'tg4']);
    expect(cells[2]?.[(cells[0] ?? []).indexOf('t/s')]).toMatch(/^\d+\.\d\d ± \d+\.\d\d$/);
  });

  it('prints CSV and JSON lines that say what the results file says', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('out.json');
    const csv = await quantscope(['bench', 'nano:Q2_K', ...SMALL, '-o', 'csv', '-q', '--out', out]);
    const [head = [], ...lines] = csv.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    const saved = parsed(await readFile(out, 'utf8'));
    expect(lines).toHaveLength(2);
    for (const [index, line] of lines.entries()) {
      const row = saved.rows[index];
      expect(line).toHaveLength(head.length);
      expect(line[head.indexOf('test')]).toBe(row?.test.name);
      expect(Number(line[head.indexOf('avg_ts')])).toBe(row && rate(row).meanTps);
    }
    const jsonl = await quantscope(['bench', 'nano:Q2_K', ...SMALL, '-o', 'jsonl', '-q', '--out', out]);
    const rows: unknown[] = jsonl.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows).toEqual(parsed(await readFile(out, 'utf8')).rows);
  });

  it('prints a table within 100 columns, with the machine above and progress nowhere', async () => {
    const { stdout, stderr } = await bench(['nano:Q2_K', ...SMALL]);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(stdout).toMatch(/cores, [\s\S]*llama\.cpp[\s\S]*phi3 Q2_K[\s\S]*pp16 [\s\S]*tg4 /);
    // A busy machine is told of; work that takes long on it, too.
    const said = stderr.replace(
      /^(?:Warning: the machine is busy|Another quantscope is timing).*\n|^.*, \d+ of \d+.*\n/gm,
      '',
    );
    expect(said).toMatch(/^Results are in .*\n$/);
  });

  it('makes a row of what fails, goes on, and ends with 1', async () => {
    await using scratch = await scratchFolder();
    const broken = scratch.path('broken.gguf');
    await copyFile(nanoPath('Q2_K'), broken);
    await truncate(broken, 900_000);
    const { exitCode, stdout } = await bench([broken, 'nano:Q2_K', ...SMALL, '--json', '-q']);
    expect(exitCode).toBe(1);
    const { rows } = parsed(stdout);
    expect(rows.map(({ status }) => status)).toEqual(['failed', 'failed', 'ok', 'ok']);
    expect(rows[0]?.failure?.message).not.toBe('');
    expect(isAvailable(rows[0]?.speed)).toBe(false);
  });

  it('gives llama.cpp’s reason where a combination does not exist', async () => {
    const { exitCode, stdout } = await bench([
      'nano:Q2_K',
      ...SMALL,
      '-ctv',
      'q4_0',
      '-fa',
      'off,on',
      '--json',
      '-q',
    ]);
    expect(exitCode).toBe(1);
    const { rows } = parsed(stdout);
    expect(rows.map(({ status }) => status)).toEqual(['failed', 'failed', 'ok', 'ok']);
    expect(rows[0]?.failure?.message).toContain('requires flash_attn');
  });

  it('keeps the rows that ended when it is stopped, and leaves no engine behind', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('out.json');
    let pid = 0;
    const running = quantscope(
      ['bench', 'nano:Q2_K', ...SMALL, '-n', '4,400000', '-r', '1', '--json', '--out', out],
      {
        onStart: (own) => {
          pid = own;
        },
      },
    );
    await expect
      .poll(
        async () =>
          readFile(out, 'utf8').then(
            (text) => parsed(text).rows.length,
            () => 0,
          ),
        { timeout: 60_000 },
      )
      .toBe(2);
    const engines = execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
      .trim()
      .split('\n');
    process.kill(pid, 'SIGINT');
    const { exitCode, stdout, stderr } = await running;
    expect(exitCode).toBe(130);
    expect(names(parsed(stdout))).toEqual(['Q2_K pp16', 'Q2_K tg4']);
    expect(stderr).toContain('2 rows');
    for (const engine of engines) expect(() => process.kill(Number(engine), 0)).toThrow();
  });

  it.each([
    [['-p', 'x'], 'whole numbers'],
    [['-p', '0', '-n', '0'], 'nothing to time'],
    [['-t', '0'], 'whole numbers from 1'],
    [['-p', '99999999999'], 'to 10000000'],
    [['-p', '1-9*1'], 'ends within'],
    [['-ctk', 'f8'], '"f8" is none of'],
    [['-pg', '512'], '512,128'],
    [['-o', 'xml'], 'Allowed choices'],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { exitCode, stdout, stderr } = await quantscope(['bench', 'nano:Q2_K', ...args]);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  it('refuses a file that is not there', async () => {
    const { exitCode, stderr } = await quantscope(['bench', 'no-such.gguf']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('no-such.gguf');
  });
});

describe('bench --minutes', () => {
  const TURNS = ['-t', '1', '--gpu', 'off', '-p', '8', '-n', '16', '--minutes', '0.05'];

  it('repeats turns for so long with every file, and keeps the curve', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('out.json');
    const args = ['nano:Q2_K', 'nano:Q8_0', ...TURNS, '--json', '-q', '--out', out];
    const { exitCode, stdout } = await quantscope(['bench', ...args]);
    expect(exitCode).toBe(0);
    const results = parsed(stdout);
    expect(parsed(await readFile(out, 'utf8'))).toEqual(results);
    expect(results).toMatchObject({ minutes: 0.05, repetitions: 1 });
    expect(results.warnings.map(({ code }) => code)).toContain('bench/short');
    expect(names(results)).toEqual(['Q2_K pp8+tg16 0.05 min', 'Q8_0 pp8+tg16 0.05 min']);
    expect(results.rows[0]?.sustained?.cooledS).toBe(0);
    for (const row of results.rows) {
      const { sustained } = row;
      if (sustained === undefined) throw new Error('no curve');
      const { windows } = sustained;
      expect(sustained.isStopped).toBe(false);
      expect(sustained.seconds).toBeGreaterThanOrEqual(3);
      expect(windows.at(-1)?.endS).toBe(sustained.seconds);
      for (const [index, { startS, endS, turns, promptTokens, generatedTokens }] of windows.entries()) {
        expect(endS).toBeGreaterThan(startS);
        expect(startS).toBeGreaterThanOrEqual(windows[index - 1]?.endS ?? 0);
        expect([promptTokens, generatedTokens]).toEqual([8 * turns, 16 * turns]);
      }
      // Every turn is one of a window, and their rates are those of the turns.
      const { samplesNs, tokens } = rate(row);
      expect(tokens).toBe(24);
      expect(samplesNs).toHaveLength(windows.reduce((sum, { turns }) => sum + turns, 0));
      const ns = windows.reduce(
        (sum, { promptTokens, promptTps, generatedTokens, generationTps }) =>
          sum + (1e9 * promptTokens) / (promptTps ?? 0) + (1e9 * generatedTokens) / generationTps,
        0,
      );
      expect(ns / samplesNs.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 3);
      if (isAvailable(sustained.generation)) {
        const { startTps, sustainedTps, sustainedShare } = sustained.generation;
        expect(sustainedShare).toBeCloseTo(sustainedTps / startTps, 6);
      } else expect(sustained.generation.reason).toContain('windows');
    }
  });

  it('draws the curve in the table and in Markdown, and has it in a report of any form', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('out.json');
    const { stdout } = await quantscope(['bench', 'nano:Q2_K', ...TURNS, '-q', '--out', out]);
    expect(stdout).toContain('0.05 min each');
    expect(stdout).toMatch(/start +sustained +of start +throttled +energy/);
    expect(stdout).toMatch(/\n {2}[▁▂▃▄▅▆▇█]+ {2}\d+\S* to \d/);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    const report = async (format: string) => (await quantscope(['report', out, '--format', format])).stdout;
    const markdown = await report('md');
    const table = markdown.split('\n').filter((line) => line.startsWith('|'));
    expect(new Set(table.map((line) => line.split('|').length)).size).toBe(1);
    expect(markdown).toMatch(/- phi3 Q2\\?_K pp8\+tg16 0\.05 min; [▁▂▃▄▅▆▇█]+/);
    const [head = '', line = ''] = (await report('csv')).split('\n');
    const [row] = parsed(await readFile(out, 'utf8')).rows;
    expect(line.split(',')[head.split(',').indexOf('bench.sustained.seconds')]).toBe(
      String(row?.sustained?.seconds),
    );
    await quantscope(['report', out, '--html', scratch.path('page.html')]);
    const page = await readFile(scratch.path('page.html'), 'utf8');
    expect(page).toContain('Speed over minutes');
    expect(page).not.toContain('Speed by bench');
  });

  it('keeps the rows that ended when it is stopped, and of the one at work what it has', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('out.json');
    let pid = 0;
    const running = quantscope(
      [
        'bench',
        'nano:Q2_K',
        ...TURNS.slice(0, -4),
        '-n',
        '16,17',
        '--minutes',
        '0.05',
        '--json',
        '--out',
        out,
      ],
      {
        onStart: (own) => {
          pid = own;
        },
      },
    );
    const rows = () =>
      readFile(out, 'utf8').then(
        (text) => parsed(text).rows.length,
        () => 0,
      );
    await expect.poll(rows, { timeout: 60_000 }).toBe(1);
    process.kill(pid, 'SIGINT');
    const { exitCode, stdout } = await running;
    expect(exitCode).toBe(130);
    const results = parsed(stdout);
    expect(names(results)[0]).toBe('Q2_K pp8+tg16 0.05 min');
    // The second had begun, had a window, or was over: whatever came first.
    expect(results.rows.slice(1).every(({ sustained }) => (sustained?.windows.length ?? 0) > 0)).toBe(true);
  });

  it('is judged by gates on its own figures', async () => {
    await using scratch = await scratchFolder();
    const fail = ['--fail-if', 'any.sustained.seconds < 3600'];
    const { exitCode, stdout } = await quantscope([
      'bench',
      'nano:Q2_K',
      ...TURNS,
      '-q',
      '--out',
      scratch.path('out.json'),
      ...fail,
    ]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('sustained');
  });

  it.each([
    [['-t', '513'], 'from 1 to 512'],
    [['-t', '1,100000'], 'from 1 to 512'],
    [['--minutes', '0'], 'a number above 0'],
    [['--minutes', 'x'], 'a number above 0'],
    [['--minutes', '1e9'], 'for 1000000000 minutes'],
    [['--minutes', '1', '-r', '3'], '--repetitions says nothing'],
    [['--minutes', '1', '-pg', '8,8'], '--prompt-generate is a test of its own'],
    [['--minutes', '1', '-n', '0'], 'nothing to repeat'],
  ])('refuses %j in one error', async (args, message) => {
    const { exitCode, stdout, stderr } = await quantscope(['bench', 'nano:Q2_K', ...args]);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.match(/error: /g)).toHaveLength(1);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
  });
});

describe('numberList', () => {
  it('reads numbers and llama-bench’s ranges, each once', () => {
    const parse = numberList(0);
    expect(parse('1,2, 4')).toEqual([1, 2, 4]);
    expect(parse('1-4')).toEqual([1, 2, 3, 4]);
    expect(parse('0-512+256')).toEqual([0, 256, 512]);
    expect(parse('1-8*2,8')).toEqual([1, 2, 4, 8]);
  });

  it.each(['', ',', '1,,2', '-1', '1.5', '1e3', '4-1', '0-8*2', '0x10'])('refuses %j', (text) => {
    expect(() => numberList(0)(text)).toThrow();
  });
});
