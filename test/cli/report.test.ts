import { readFile, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import type { Results } from '../../src/schema/results.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoBench, phoneCheck } from '../helpers/measurements.ts';
import { publishedSchema } from '../helpers/published-schema.ts';
import { nanoResults, nanoVariant } from '../helpers/results.ts';
import { HAS_SCRIPT, onTerminal } from '../helpers/terminal.ts';

/** A folder with results files by name. */
async function filesOf(files: Record<string, unknown>) {
  const folder = await scratchFolder();
  for (const [name, content] of Object.entries(files)) {
    await writeFile(folder.path(name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

const { machine, settings } = nanoResults();
const elsewhere: Results = nanoResults({
  createdAt: '2026-03-15T09:26:53.589Z',
  machine: { ...machine, cpu: 'Snapdragon 8 Gen 2' },
});
const matchesSchema = new Ajv2020({ strict: false, validateFormats: false }).compile(
  publishedSchema('report'),
);
const SPARED_ENGINE = /node-llama-cpp/;

describe('report', () => {
  it('prints the table by default, and without a terminal no bars', async () => {
    await using folder = await filesOf({ 'a.json': nanoResults() });
    const { exitCode, stdout, stderr } = await quantscope(['report', 'a.json'], { cwd: folder.folder });
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toContain('> Q4_K_M');
    expect(stdout).not.toContain('█');
  });

  it.runIf(HAS_SCRIPT)('draws bars on a terminal', async () => {
    await using folder = await filesOf({ 'a.json': nanoResults() });
    const { exitCode, output } = await onTerminal(['report', folder.path('a.json')]);
    expect(exitCode).toBe(0);
    expect(output).toMatch(/Mean KLD[\s\S]*Q2_K[^\n]*█/);
  });

  it('prints Markdown and CSV of two machines', async () => {
    await using folder = await filesOf({ 'a.json': nanoResults(), 'b.json': elsewhere });
    const run = (format: string) =>
      quantscope(['report', 'a.json', 'b.json', '--format', format], { cwd: folder.folder });
    const markdown = (await run('md')).stdout;
    expect(markdown).toContain('**Ship Q4_K_M on both machines.**');
    expect(markdown).toMatch(/^\| Q8_0 \| Snapdragon 8 Gen 2 \|/m);
    const csv = (await run('csv')).stdout.trimEnd().split('\n');
    expect(csv).toHaveLength(9);
    expect(csv[8]).toMatch(/^Snapdragon 8 Gen 2,Q2_K,/);
  });

  it('prints JSON as its schema says, with the rows it read', async () => {
    await using folder = await filesOf({ 'a.json': nanoResults(), 'b.json': elsewhere });
    const args = ['report', 'a.json', 'b.json', '--baseline', 'a.json', '--format', 'json'];
    const { exitCode, stdout } = await quantscope(args, { cwd: folder.folder });
    expect(exitCode).toBe(0);
    const json = JSON.parse(stdout);
    expect(matchesSchema(json), JSON.stringify(matchesSchema.errors)).toBe(true);
    expect(json.machines.map(({ results }: { results: Results }) => results)).toEqual([
      nanoResults(),
      elsewhere,
    ]);
    // The only baseline is that of both; of the other machine accuracy and size alone compare.
    const [own, other] = json.changes;
    expect([own.machine, own.comparison.notes]).toEqual(['AMD EPYC', []]);
    expect([other.machine, ...other.comparison.notes]).toEqual([
      'Snapdragon 8 Gen 2',
      expect.stringContaining('from another machine: cpu AMD EPYC there, Snapdragon 8 Gen 2 here'),
    ]);
  });

  it('says what changed since a baseline', async () => {
    const bytes = 3_000_000;
    const now = nanoResults({
      variants: [
        nanoVariant('F16'),
        nanoVariant('Q4_K_M', { file: { ...nanoVariant('Q4_K_M').file, bytes } }),
      ],
    });
    await using folder = await filesOf({ 'new.json': now, 'old.json': nanoResults() });
    const args = ['report', 'new.json', '--baseline', 'old.json'];
    const { exitCode, stdout } = await quantscope(args, { cwd: folder.folder });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/Q4_K_M +size +2\.58 MiB +2\.86 MiB +\+10\.7 % +worse/);
  });

  it('writes the page, with the layers of files that are still there, and nothing on stdout', async () => {
    const here = nanoResults({
      variants: ['F16', 'Q4_K_M'].map((name) => nanoVariant(name, { ref: `nano:${name}` })),
    });
    await using folder = await filesOf({ 'a.json': here });
    const run = await quantscope(['report', 'a.json', '--html', 'a.html'], { cwd: folder.folder });
    expect(run).toMatchObject({ exitCode: 0, stdout: '', stderr: 'The page is in a.html\n' });
    const page = await readFile(folder.path('a.html'), 'utf8');
    expect(page).toContain('<h2 id="verdict">Ship Q4_K_M.</h2>');
    // Of the two only Q4_K_M's size is that of the file it names.
    const grids = page.match(/<table class="layers">/g) ?? [];
    expect(grids.length).toBeGreaterThan(0);
  });

  it('never loads the engine', async () => {
    await using folder = await filesOf({ 'a.json': nanoResults() });
    const { stderr } = await quantscope(['report', 'a.json', '--html', 'a.html'], {
      cwd: folder.folder,
      env: { NODE_DEBUG: 'esm' },
    });
    expect(stderr).not.toMatch(SPARED_ENGINE);
  });
});

describe('results of other commands', () => {
  const files = () =>
    filesOf({
      'a.json': nanoResults(),
      'here.json': nanoBench(machine.cpu, 900),
      'server.json': nanoBench('EPYC 9654', 2400),
      'pixel.json': phoneCheck('Pixel 9'),
      'iphone.json': phoneCheck('iPhone 15', {
        verdict: 'wrong',
        findings: [{ level: 'error', code: 'kit/wrong-token', message: '"fact" parted at token 3' }],
      }),
    });
  const ALL = ['a.json', 'here.json', 'server.json', 'pixel.json', 'iphone.json'];

  it('stand beside comparisons in every form, each by its machine or phone', async () => {
    await using folder = await files();
    const run = async (...args: string[]) => {
      const { exitCode, stdout, stderr } = await quantscope(['report', ...ALL, ...args], {
        cwd: folder.folder,
      });
      expect([exitCode, stderr]).toEqual([0, '']);
      return stdout;
    };
    const table = await run();
    for (const heading of ['AMD EPYC', 'AMD EPYC, bench', 'EPYC 9654, bench', 'Pixel 9, kit check']) {
      expect(table).toContain(`== ${heading}\n`);
    }
    expect(table).toMatch(/tg16 +2400\.00 ± 60\.00/);
    expect(table).toContain('✗ iPhone 15 computes something else');

    const markdown = await run('--format', 'md');
    expect(markdown).toContain('**Ship Q4_K_M.**');
    expect(markdown).toContain(
      '**Warning**: Nano Phi-3 Q4_K_M computes something else on iPhone 15 than on the computer.',
    );
    expect(markdown).toMatch(/\*\*Speed by bench on EPYC 9654\*\*[\s\S]*\| tg16 \| 2400\.00 ± 60\.00 \|/);
    expect(markdown).toMatch(
      /^\| Pixel 9 \| Nano Phi-3 Q4_K_M \|.*\| 9\.38 \| 8\.15 to 11\.35 \(predicted\)/m,
    );
    expect(markdown).toContain('- iPhone 15: error kit/wrong-token: "fact" parted at token 3');

    const [header = '', ...lines] = (await run('--format', 'csv')).trimEnd().split('\n');
    expect(lines).toHaveLength(4 + 2 * 4 + 2);
    const cell = (line: number, name: string) => lines[line]?.split(',')[header.split(',').indexOf(name)];
    expect([5, 9].map((line) => [cell(line, 'machine'), cell(line, 'bench.speed.meanTps')])).toEqual([
      ['AMD EPYC', '900'],
      ['EPYC 9654', '2400'],
    ]);
    expect(['machine', 'phone.verdict', 'phone.speed.generationTps'].map((name) => cell(13, name))).toEqual([
      'iPhone 15',
      'wrong',
      '9.375',
    ]);

    const json = JSON.parse(await run('--format', 'json'));
    expect(matchesSchema(json)).toBe(true);
    expect(json.benches.map(({ label }: { label: string }) => label)).toEqual(['AMD EPYC', 'EPYC 9654']);
    expect(json.benches[1].results).toEqual(nanoBench('EPYC 9654', 2400));
    expect(json.phones[0]).toEqual({ label: 'Pixel 9', source: 'pixel.json', check: phoneCheck('Pixel 9') });
  });

  it('need no comparison, and then recommend nothing', async () => {
    await using folder = await files();
    const run = (...args: string[]) =>
      quantscope(['report', ...args, '--format', 'md'], { cwd: folder.folder });
    const speeds = await run('here.json', 'server.json');
    expect(speeds.stdout).toContain(
      '**Fastest at generation: phi3 Q4_K_M on EPYC 9654, 2700 tokens/s (tg16).** No recommendation: ',
    );
    const phones = await run('pixel.json', 'iphone.json');
    expect(phones.stdout).toContain('**1 of 2 phones compute what the computer does.**');
    for (const [option, value, said] of [
      ['--fail-if', 'any.file.bytes > 1', /nothing in the files has file\.bytes\nhint: /],
      ['--baseline', 'a.json', /the baseline has nothing of the kind that is reported\nhint: /],
    ] as const) {
      const { exitCode, stderr } = await run('here.json', option, value);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(said);
    }
  });

  it('tell two phones, and two machines with one processor, apart', async () => {
    const { machine: other } = nanoBench(machine.cpu, 1);
    await using folder = await filesOf({
      'a.json': nanoResults(),
      'b.json': nanoBench(machine.cpu, 900, { machine: { ...other, cores: 64 } }),
      'p.json': phoneCheck('Pixel 9'),
      'q.json': phoneCheck('Pixel 9'),
    });
    const args = ['report', 'a.json', 'b.json', 'p.json', 'q.json', '--format', 'json'];
    const { benches, phones } = JSON.parse((await quantscope(args, { cwd: folder.folder })).stdout);
    expect(benches[0].label).toBe('AMD EPYC, 64 cores');
    expect(phones.map(({ label }: { label: string }) => label)).toEqual(['Pixel 9', 'Pixel 9 (2)']);
  });

  it('go into one file with --out, which is read as all of them', async () => {
    await using folder = await files();
    const run = (...args: string[]) => quantscope(['report', ...args], { cwd: folder.folder });
    const written = await run(...ALL, '--out', 'merged.json');
    expect(written).toMatchObject({ exitCode: 0, stdout: '', stderr: 'The results are in merged.json\n' });
    const [again, first] = [await run('merged.json', '--format', 'md'), await run(...ALL, '--format', 'md')];
    expect(again.stdout).toBe(first.stdout);
  });
});

describe('a baseline', () => {
  const slower = (results: Results): Results => ({
    ...results,
    variants: results.variants.map((variant) => ({
      ...variant,
      file: { ...variant.file, bytes: variant.file.bytes * 2 },
    })),
  });

  it('is a merged file of several machines, or their files: each machine is compared with its own', async () => {
    await using folder = await filesOf({
      'a.json': slower(nanoResults()),
      'b.json': slower(elsewhere),
      'new-a.json': nanoResults(),
      'new-b.json': elsewhere,
    });
    const run = (...args: string[]) => quantscope(['report', ...args], { cwd: folder.folder });
    await run('a.json', 'b.json', '--out', 'old.json');
    const changes = async (...baselines: string[]) => {
      const named = baselines.flatMap((file) => ['--baseline', file]);
      const { stdout, stderr } = await run('new-a.json', 'new-b.json', ...named, '--format', 'json');
      expect(stderr).toBe('');
      return JSON.parse(stdout).changes;
    };
    const merged = await changes('old.json');
    expect(merged.map(({ machine: label }: { machine: string }) => label)).toEqual([
      'AMD EPYC',
      'Snapdragon 8 Gen 2',
    ]);
    const size = merged[1].comparison.changes.find(
      ({ figure }: { figure: string }) => figure === 'file.bytes',
    );
    expect(size).toMatchObject({
      variant: 'F16',
      before: 2 * 8_438_656,
      after: 8_438_656,
      verdict: 'better',
    });
    expect(await changes('a.json', 'b.json')).toEqual(merged);
  });

  it('of one machine stays results, for every command that reads them', async () => {
    await using folder = await filesOf({ 'a.json': nanoResults(), 'copy.json': nanoResults() });
    const run = (...args: string[]) => quantscope(args, { cwd: folder.folder });
    await run('report', 'a.json', 'copy.json', '--out', 'one.json');
    const merged: Results = JSON.parse(await readFile(folder.path('one.json'), 'utf8'));
    expect(merged).toMatchObject({ schema: 'quantscope/results@1', variants: nanoResults().variants });
  });

  it('that compares nothing is refused', async () => {
    await using folder = await filesOf({ 'a.json': nanoResults(), 'b.json': nanoBench('x', 9) });
    const args = ['report', 'a.json', '--baseline', 'b.json'];
    const { exitCode, stderr } = await quantscope(args, { cwd: folder.folder });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error: the baseline has nothing of the kind that is reported\nhint: /);
  });
});

describe('what report refuses, with what to do', () => {
  const cases: [string, Record<string, unknown>, string[], RegExp][] = [
    ['a file that is not there', {}, ['none.json'], /none\.json cannot be read.*\nhint: Name the path/],
    [
      'half a file',
      { 'a.json': '{"schema": "quant' },
      ['a.json'],
      /a\.json is not JSON: .*\nhint: Name what compare, eval, bench or context wrote/,
    ],
    [
      'another contract',
      { 'a.json': { schema: 'quantscope/fit@1' } },
      ['a.json'],
      /a\.json is not as quantscope\/fit@1 says: devices: .*\nhint: Write it with: quantscope fit/,
    ],
    [
      'another version of a contract',
      { 'a.json': { ...nanoResults(), schema: 'quantscope/results@2' } },
      ['a.json'],
      /a\.json is "quantscope\/results@2", expected .*\nhint: Another version of quantscope wrote it/,
    ],
    [
      'a key too many',
      { 'a.json': { ...nanoResults(), later: 1 } },
      ['a.json'],
      /a\.json is not as quantscope\/results@1 says: Unrecognized key: "later"/,
    ],
    ['no contract', { 'a.json': [1] }, ['a.json'], /a\.json names no schema, expected/],
    [
      'a wrong figure',
      { 'a.json': { ...nanoResults(), variants: [{ ...nanoVariant('F16'), name: 3 }] } },
      ['a.json'],
      /a\.json is not as quantscope\/results@1 says: variants\.0\.name: /,
    ],
    [
      'nothing measured',
      { 'a.json': nanoResults({ variants: [] }) },
      ['a.json'],
      /a\.json holds no variants/,
    ],
    [
      "a phone's results before kit check",
      { 'a.json': { schema: 'quantscope/kit-results@1' } },
      ['a.json'],
      /hint: It is what the phone gave: quantscope kit check/,
    ],
    [
      'a bench that was stopped before its first row',
      { 'a.json': nanoBench('x', 1, { rows: [] }) },
      ['a.json'],
      /a\.json holds no rows/,
    ],
    [
      'a bench of which only speed is left out',
      { 'a.json': nanoBench('x', 1) },
      ['a.json', '--only', 'accuracy'],
      /a\.json: nothing is left to report of accuracy\nhint: /,
    ],
    [
      'a phone with a speed that is none',
      { 'a.json': { ...phoneCheck('x'), speed: { promptTps: -1 } } },
      ['a.json'],
      /a\.json is not as quantscope\/kit-check@1 says: speed/,
    ],
    [
      'another fit file',
      { 'a.json': nanoResults() },
      ['a.json', '--fit', 'a.json'],
      /expected "quantscope\/fit@1"\nhint: Write it with/,
    ],
    [
      'a page where none can be',
      { 'a.json': nanoResults() },
      ['a.json', '--html', 'no/such/a.html'],
      /no\/such\/a\.html cannot be written/,
    ],
    [
      'other evaluations',
      {
        'a.json': nanoResults(),
        'b.json': {
          ...elsewhere,
          settings: { ...settings, evaluation: { ...settings.evaluation, chunks: 8 } },
        },
      },
      ['a.json', 'b.json'],
      /a\.json and b\.json were evaluated in different ways: chunks all there, 8 here\nhint: .*--only speed/,
    ],
  ];
  it.each(cases)('%s', async (_, files, args, message) => {
    await using folder = await filesOf(files);
    const { exitCode, stdout, stderr } = await quantscope(['report', ...args], { cwd: folder.folder });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});

describe('compare --html', () => {
  it('writes the page of what it measured', async () => {
    await using folder = await scratchFolder();
    const path = folder.path('nano.html');
    const args = [
      'compare',
      'nano',
      '--only',
      'size',
      '--html',
      path,
      '--out',
      folder.path('nano.json'),
      '--quiet',
    ];
    const { exitCode } = await quantscope(args);
    expect(exitCode).toBe(0);
    const page = await readFile(path, 'utf8');
    expect(page).toContain('<title>Nano Phi-3: quantizations compared</title>');
    expect(page.match(/<table class="layers">/g)).toHaveLength(4);
    expect(page).toContain('No recommendation: ');
  });
});
