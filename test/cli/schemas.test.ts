import { cp, readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wholeProgram } from '../../src/cli/program.ts';
import { listLocalBuilds } from '../../src/engine/local-builds.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';
import { faultsBy, publishedSchemas } from '../helpers/published-schema.ts';

const REPO = 'maker/nano-GGUF';
const ENGINE = ['-t', '1', '--gpu', 'off', '--quiet'];
const hasLocalBuild = (await listLocalBuilds()).some(({ builtAt }) => builtAt !== null);

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let server: HubServer;
/** Schemas that a value was held against. */
const used = new Set<string>();
/** Commands, as `cache list`, whose JSON was. */
const checked = new Set<string>();

beforeAll(async () => {
  scratch = await scratchFolder();
  server = await HubServer.start();
  server.repos.set(REPO, { files: { 'nano-Q2_K.gguf': { content: await readFile(nanoPath('Q2_K')) } } });
  await cp(nanoPath('Q4_K_M'), scratch.path('model.gguf'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

function conforms(schema: string, value: unknown): void {
  used.add(schema);
  expect(faultsBy(schema, value)).toBeNull();
}

const run = (args: readonly string[]) =>
  quantscope(args, {
    cwd: scratch.folder,
    env: {
      HF_ENDPOINT: server.endpoint,
      HF_HUB_CACHE: scratch.path('hub'),
      XDG_CONFIG_HOME: scratch.path('config'),
      XDG_DATA_HOME: scratch.path('data'),
      XDG_CACHE_HOME: scratch.path('cache'),
    },
  });

const program = await wholeProgram();

/** What a command prints as JSON, held against its schema. */
async function printed(schema: string, args: readonly string[], exitCodes: readonly number[] = [0]) {
  const { stdout, stderr, exitCode } = await run(args);
  expect(exitCodes, stderr).toContain(exitCode);
  const value: unknown = JSON.parse(stdout);
  conforms(schema, value);
  checked.add(args.slice(0, wordsOf(args)).join(' '));
  return value;
}

/** How many of the words name the command. */
function wordsOf(args: readonly string[]): number {
  const group = program.commands.find((command) => command.name() === args[0]);
  return group?.commands.some((command) => command.name() === args[1]) ? 2 : 1;
}

function jsonCommands(command: Command, path: readonly string[] = []): string[] {
  const own = command.options.some(
    ({ long, argChoices = [] }) => long === '--json' || (long === '--format' && argChoices.includes('json')),
  );
  return [
    ...(own ? [path.join(' ')] : []),
    ...command.commands.flatMap((each) => jsonCommands(each, [...path, each.name()])),
  ];
}

/** Minutes of a compiler, or a phone's part of a conversation: their JSON is held against the schema elsewhere. */
const ELSEWHERE: Readonly<Record<string, { readonly schemas: readonly string[]; readonly where: string }>> = {
  'kit check': { schemas: ['kit-golden', 'kit-results', 'kit-check'], where: 'test/cli/kit.test.ts' },
  'compare, of long replies': { schemas: ['replies'], where: 'test/api/replies-file.test.ts' },
  'engine build': { schemas: [], where: 'below, by the part that it shares with engine list' },
};

describe('the schemas of the package', () => {
  it.each<[schema: string, args: string[], exitCodes?: number[]]>([
    ['inspection', ['inspect', 'model.gguf', '--json']],
    ['diff', ['diff', 'nano:F16', 'nano:Q2_K', '--json'], [0, 1]],
    ['validation', ['validate', 'model.gguf', 'nano:Q8_0', '--json']],
    ['fit', ['fit', 'model.gguf', '--all-devices', '--json']],
    ['device-list', ['fit', '--list-devices', '--json']],
    ['catalogue-list', ['variants', '--json']],
    ['variants', ['variants', REPO, '--json']],
    ['pull', ['pull', `hf:${REPO}:Q2_K`, '--quiet', '--json']],
    ['cache', ['cache', 'list', '--json']],
    ['cache-verify', ['cache', 'verify', '--json']],
    ['cache-remove', ['cache', 'remove', REPO, '--yes', '--json']],
    ['doctor', ['doctor', '--json'], [0, 1]],
    ['bench', ['bench', 'nano:Q2_K', '-p', '16', '-n', '4', '-r', '2', ...ENGINE, '--json']],
    ['context', ['context', 'nano:Q2_K', '--sizes', '128', '--no-accuracy', ...ENGINE, '--json']],
    ['run', ['run', 'nano:Q2_K', 'Hello', '-n', '4', '--trace', ...ENGINE, '--json']],
    ['quantize', ['quantize', 'nano:F16', 'Q8_0', '--out', 'quantized', '--quiet', '--json']],
    [
      'mix',
      [
        'mix',
        'nano:F16',
        '--like',
        'Q2_K',
        '--context',
        '32',
        '--chunks',
        '2',
        '--test-chunks',
        '2',
        '--json',
        '--quiet',
      ],
      [0, 1],
    ],
    ['imatrix', ['imatrix', 'nano:F16', '--text', nanoPath('text'), '--chunks', '1', '--quiet', '--json']],
    ['results', ['eval', 'nano:F16', 'nano:Q2_K', '--chunks', '2', '--only', 'text', ...ENGINE, '--json']],
    ['results', ['compare', 'nano:Q2_K', '--only', 'size', ...ENGINE, '--json', '--out', 'results.json']],
    ['report', ['report', 'results.json', '--format', 'json', '--quiet']],
  ])('%s: what quantscope %j prints', async (schema, args, exitCodes) => {
    await printed(schema, args, exitCodes);
  });

  it('engine, engine-build: which builds there are', async () => {
    const list = (await printed('engine', ['engine', 'list', '--json'])) as {
      builds: { prebuilt: { info: object } };
    };
    conforms('engine-build', { schema: 'quantscope/engine-build@1', built: list.builds.prebuilt.info });
  });

  it.skipIf(hasLocalBuild)('engine-remove: that nothing was there', async () => {
    await printed('engine-remove', ['engine', 'remove', '--json']);
  });

  it('card-check: of a card that card wrote', async () => {
    await run(['card', 'model.gguf', '--out', 'CARD.md']);
    await printed('card-check', ['card', 'check', 'CARD.md', '--model', 'model.gguf', '--json']);
  });

  it('validation, manifest: every line of NDJSON, and what --manifest writes', async () => {
    const { stdout } = await run(['validate', 'model.gguf', 'nano:Q2_K', '--ndjson', '--manifest', 'write']);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) conforms('validation', JSON.parse(line));
    conforms('manifest', JSON.parse(await readFile(scratch.path('model.gguf.manifest.json'), 'utf8')));
  });

  it('gates: what --gate-out writes', async () => {
    const gates = ['--fail-if', 'any.file.bytes > 1', '--gate-format', 'json', '--gate-out', 'gates.json'];
    expect((await run(['report', 'results.json', '-q', ...gates])).exitCode).toBe(1);
    conforms('gates', JSON.parse(await readFile(scratch.path('gates.json'), 'utf8')));
  });

  it.each<[schema: string, content: object, args: string[], exitCode: number]>([
    ['config', { fit: { context: 512 } }, ['fit', '--list-devices', '--config', 'input.json'], 0],
    [
      'devices',
      { devices: [{ id: 'mine', name: 'Mine', os: null, chip: null, backends: ['cpu'] }] },
      ['fit', '--list-devices', '--devices', 'input.json'],
      0,
    ],
    ['policy', { quantizations: ['Q4_K_M'] }, ['validate', 'model.gguf', '--policy', 'input.json'], 0],
    [
      'gates-file',
      { gates: [{ name: 'size', failIf: 'any.file.bytes > 1GB' }] },
      ['report', 'results.json', '-q', '--gates', 'input.json'],
      0,
    ],
  ])(
    '%s: what is allowed in the file is read, and what is not is neither',
    async (schema, content, args, exitCode) => {
      const write = (value: object) => writeFile(scratch.path('input.json'), JSON.stringify(value));
      conforms(schema, content);
      await write(content);
      expect(await run(args)).toMatchObject({ exitCode });
      const wrong = { ...content, surprise: 1 };
      expect(faultsBy(schema, wrong)).not.toBeNull();
      await write(wrong);
      expect(await run(args)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('surprise') });
    },
  );

  it.each([
    ...['phones', 'measured-speeds', 'speed-model', 'catalogue'],
    ...['rules', 'llama-cpp', 'llama-rn', 'backend-kernels'],
  ])('%s: the file in data/', async (name) => {
    const content = JSON.parse(await readFile(`data/${name}.json`, 'utf8'));
    conforms(name, content);
    expect(content.$schema).toBe(`../schema/${name}.json`);
    expect(faultsBy(name, { ...content, surprise: 1 })).not.toBeNull();
  });

  it('catalogue: what is allowed in the file is read, and what is not is neither', async () => {
    const content = { mine: { repo: REPO } };
    conforms('catalogue', content);
    expect(faultsBy('catalogue', { mine: { repo: 7 } })).not.toBeNull();
    await writeFile(scratch.path('catalogue.json'), JSON.stringify(content));
    const { stdout } = await quantscope(['variants', '--json'], {
      env: { QUANTSCOPE_CATALOGUE: scratch.path('catalogue.json') },
    });
    expect(JSON.parse(stdout).models).toContainEqual(expect.objectContaining({ name: 'mine', repo: REPO }));
  });

  it('error: what stands in the place of a document that could not be made', async () => {
    const { exitCode, stdout, stderr } = await run(['inspect', 'missing.gguf', '--json']);
    expect(exitCode).toBe(2);
    conforms('error', JSON.parse(stdout));
    expect(stderr).toContain(JSON.parse(stdout).error.message);
  });

  it('are all held against something, and every command that prints JSON has one', async () => {
    for (const { schemas, where } of Object.values(ELSEWHERE)) {
      for (const name of schemas) {
        expect(await readFile(where, 'utf8')).toContain(`conforms('${name}', `);
        used.add(name);
      }
    }
    if (hasLocalBuild) used.add('engine-remove');
    expect([...used].sort()).toEqual([...publishedSchemas].sort());
    const done = new Set([
      ...checked,
      ...Object.keys(ELSEWHERE),
      ...(hasLocalBuild ? ['engine remove'] : []),
    ]);
    expect(jsonCommands(program).filter((name) => !done.has(name))).toEqual([]);
  });
});
