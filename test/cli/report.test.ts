import { readFile, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { reportSchemas } from '../../src/cli/report/contract.ts';
import type { Results } from '../../src/measure/results.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
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
    const matches = new Ajv2020({ strict: false, validateFormats: false }).compile(
      reportSchemas()['report'] ?? {},
    );
    expect(matches(json), JSON.stringify(matches.errors)).toBe(true);
    expect(json.machines.map(({ results }: { results: Results }) => results)).toEqual([
      nanoResults(),
      elsewhere,
    ]);
    // The baseline's own machine, not the other.
    expect(json.changes.map((change: { machine: string }) => change.machine)).toEqual(['AMD EPYC']);
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

describe('what report refuses, with what to do', () => {
  const cases: [string, Record<string, unknown>, string[], RegExp][] = [
    ['a file that is not there', {}, ['none.json'], /none\.json cannot be read.*\nhint: Name the path/],
    [
      'half a file',
      { 'a.json': '{"schema": "quant' },
      ['a.json'],
      /a\.json is not JSON: .*\nhint: Name a file that compare/,
    ],
    [
      'another contract',
      { 'a.json': { schema: 'quantscope/fit@1' } },
      ['a.json'],
      /a\.json is "quantscope\/fit@1", expected "quantscope\/results@1"/,
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
