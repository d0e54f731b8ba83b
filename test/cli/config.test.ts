import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configDocument } from '../../src/cli/config-schema.ts';
import { wholeProgram } from '../../src/cli/program.ts';
import { jsonSchemaOf } from '../../src/schema/documents.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  scratch = await scratchFolder();
  await mkdir(scratch.path('project/below'), { recursive: true });
});
afterEach(() => scratch[Symbol.asyncDispose]());

async function write(name: string, content: unknown): Promise<void> {
  await mkdir(dirname(scratch.path(name)), { recursive: true });
  await writeFile(scratch.path(name), typeof content === 'string' ? content : JSON.stringify(content));
}

/** In a folder of the project, with the user's config folder inside the scratch folder. */
const run = (args: readonly string[], env: Record<string, string> = {}) =>
  quantscope(args, {
    cwd: scratch.path('project/below'),
    env: { HOME: scratch.folder, XDG_CONFIG_HOME: scratch.path('user'), QUANTSCOPE_DEVICES: '', ...env },
  });

/** The tokens of context that the verdict was for: the simplest thing that shows which default held. */
async function contextOf(args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const { stdout, stderr } = await run(['fit', 'nano:Q4_K_M', '-d', '6gb-phone', '--json', ...args], env);
  if (stdout === '') throw new Error(stderr);
  return Number(/"contextSize": (\d+)/.exec(stdout)?.[1]);
}

describe('a config file', () => {
  it.each([
    ['quantscope.config.json', { fit: { context: 1111 } }],
    ['.quantscoperc', { fit: { context: 1111 } }],
    ['.config/quantscope.json', { fit: { context: 1111 } }],
    ['package.json', { name: 'app', quantscope: { fit: { context: 1111 } } }],
  ])('%s gives defaults to commands run below its folder', async (name, content) => {
    expect(await contextOf([])).toBe(2048);
    await write(`project/${name}`, content);
    expect(await contextOf([])).toBe(1111);
    expect(await contextOf(['--no-config'])).toBe(2048);
  });

  it('comes behind a flag and before the user’s own', async () => {
    await write('user/quantscope/config.json', { fit: { context: 3333 } });
    expect(await contextOf([])).toBe(3333);
    await write('project/quantscope.config.json', { fit: { context: 1111 } });
    expect(await contextOf([])).toBe(1111);
    expect(await contextOf(['--context', '4444'])).toBe(4444);
    await write('elsewhere.json', { fit: { context: 5555 } });
    expect(await contextOf(['--config', scratch.path('elsewhere.json')])).toBe(5555);
  });

  it('comes behind the environment, and names files from where it lies', async () => {
    await write('project/quantscope.config.json', { fit: { devices: 'phones.json' } });
    const missing = await run(['fit', '--list-devices']);
    expect(missing.stderr).toContain(scratch.path('project/phones.json'));
    const other = await run(['fit', '--list-devices'], { QUANTSCOPE_DEVICES: scratch.path('other.json') });
    expect(other.stderr).toContain(scratch.path('other.json'));
  });

  it('gives a list, a switch and a shared setting', async () => {
    await write('project/quantscope.config.json', {
      all: { quiet: true },
      fit: { device: ['6gb-phone', 'iphone-13-pro'] },
      validate: { content: false },
    });
    const fit = JSON.parse((await run(['fit', 'nano:Q4_K_M', '--json'])).stdout);
    expect(JSON.stringify(fit)).toContain('iphone-13-pro');
    expect(JSON.stringify(fit)).toContain('6gb-phone');
    const validated = await run(['validate', 'nano:Q4_K_M', '--json']);
    const [file] = JSON.parse(validated.stdout).files;
    expect(file.content?.sha256 ?? file.sha256 ?? null).toBeNull();
  });

  it.each([
    [{ fit: { contxt: 1 } }, 'fit: unknown key "contxt"', 'Did you mean "context"?'],
    [{ comapre: {} }, 'unknown key "comapre"', 'Did you mean "compare"?'],
    [{ all: { thread: 4 } }, 'all: unknown key "thread"', 'Did you mean "threads"?'],
    [{ compare: { out: 'a.json' } }, 'compare: "out" is for the command line alone', 'It may have'],
    [{ eval: { openai: 'http://example.com/v1' } }, '"openai" is for the command line alone', 'It may have'],
    [{ fit: { context: -3 } }, 'fit.context: "-3" is not for fit: Give a whole number', 'schema/config.json'],
    [{ compare: { gpu: 'amiga' } }, 'compare.gpu: Invalid option', '--no-config'],
    [{ fit: { context: { a: 1 } } }, 'fit.context: Invalid input', '--no-config'],
    [[], 'expected object', '--no-config'],
    ['{ "fit": ', 'not JSON', '--no-config'],
    ['{ "fit": {},\n "fit": {} }', '"fit" is there twice: in line 1 and in line 2', '--no-config'],
  ])('with %j is refused with where and what to do', async (content, message, hint) => {
    await write('project/quantscope.config.json', content);
    const { exitCode, stderr, stdout } = await run(['fit', 'nano:Q4_K_M', '-d', '6gb-phone']);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`error: ${scratch.path('project/quantscope.config.json')}: `);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
  });

  it('that is named and not there is an error', async () => {
    const { exitCode, stderr } = await run(['fit', '--list-devices', '--config', 'absent.json']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('absent.json: the config file cannot be read');
  });

  it('is never run, even where it is JavaScript', async () => {
    await write('project/quantscope.config.js', 'throw new Error("it ran")');
    await write('named.js', 'throw new Error("it ran")');
    expect(await contextOf([])).toBe(2048);
    const { exitCode, stderr } = await run(['fit', '--list-devices', '--config', scratch.path('named.js')]);
    expect([exitCode, stderr.includes('it ran')]).toEqual([2, false]);
  });

  it('is not looked for by help', async () => {
    await write('project/quantscope.config.json', '{');
    expect((await run(['--help'])).exitCode).toBe(0);
    expect((await run(['compare', '--help'])).exitCode).toBe(0);
  });

  it('is what its published schema describes', async () => {
    const program = await wholeProgram();
    const validate = new Ajv2020({ strict: false }).compile(jsonSchemaOf(configDocument(program)));
    expect(validate({ all: { threads: 4 }, compare: { device: ['a'], gpu: 'off' } })).toBe(true);
    expect(validate({ compare: { gpu: 'amiga' } })).toBe(false);
    expect(validate({ compare: { out: 'file' } })).toBe(false);
  });

  it('says in one line what a file found in a folder changes, and --no-config goes without it', async () => {
    await write('project/quantscope.config.json', { fit: { context: 1111, quiet: true } });
    const args = ['fit', 'nano:Q4_K_M', '-d', '6gb-phone', '--json'];
    const { stderr } = await run(args);
    expect(stderr).toMatch(
      /^note: .*quantscope\.config\.json sets context: 1111.*--no-config goes without it$/m,
    );
    expect((await run([...args, '--no-config'])).stderr).not.toContain('note:');
    await write('user/quantscope/config.json', { fit: { context: 3333 } });
    expect((await run([...args, '--context', '9'])).stderr).not.toContain('sets context');
  });

  it('of a folder is not used in CI but in the root of the repository, or where it is named', async () => {
    await write('project/quantscope.config.json', { fit: { context: 1111 } });
    expect(await contextOf([], { CI: 'true' })).toBe(2048);
    expect(await contextOf([], { CI: 'true', GITHUB_WORKSPACE: scratch.path('project') })).toBe(1111);
    await mkdir(scratch.path('project/.git'));
    expect(await contextOf([], { CI: 'true' })).toBe(1111);
  });

  it('so does a policy that lies there', async () => {
    await write('project/below/quantscope.policy.json', { severities: { 'file/kind': 'off' } });
    const found = await run(['validate', 'nano:Q2_K']);
    expect(found.stderr).toBe(
      'note: quantscope.policy.json in this folder sets file/kind: "off"; --no-config goes without it\n',
    );
    expect((await run(['validate', 'nano:Q2_K', '--no-config'])).stderr).toBe('');
  });
});
