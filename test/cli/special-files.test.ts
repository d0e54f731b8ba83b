import { execFileSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeAll(async () => {
  scratch = await scratchFolder();
  if (process.platform === 'win32') return;
  execFileSync('mkfifo', [scratch.path('pipe.gguf')]);
  await mkdir(scratch.path('folder.gguf'));
  await symlink(scratch.path('b.gguf'), scratch.path('a.gguf'));
  await symlink(scratch.path('a.gguf'), scratch.path('b.gguf'));
  await symlink(scratch.path('nowhere'), scratch.path('lost.gguf'));
});
afterAll(() => scratch[Symbol.asyncDispose]());

const paths: readonly (readonly [name: string, path: () => string, said: RegExp])[] = [
  ['an endless device', () => '/dev/zero', /not a regular file/],
  ['a pipe that nobody writes to', () => scratch.path('pipe.gguf'), /not a regular file/],
  ['a folder without models', () => scratch.path('folder.gguf'), /has no \.gguf file/],
  ['links in a circle', () => scratch.path('a.gguf'), /links lead in a circle/],
  ['a link that leads nowhere', () => scratch.path('lost.gguf'), /no such file/],
];

// Nobody waits for what never ends: a hang is ended by the helper, with a signal in place of an exit code.
describe.skipIf(process.platform === 'win32')('a path that is no file', () => {
  for (const [name, path, said] of paths) {
    it.each(['validate', 'inspect'])(`is one clear error to %s: ${name}`, async (command) => {
      const { exitCode, stdout, stderr } = await quantscope([command, path()], { timeoutMs: 30_000 });
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(/^error: .*\nhint: .*\n$/);
      expect(stderr).toMatch(said);
      expect(stderr).not.toContain(`Did you mean ${path()}`);
    });
  }

  it.runIf(process.platform === 'linux')('has no bytes where it is the memory of a process', async () => {
    const { exitCode, stdout, stderr } = await quantscope(['validate', '/proc/self/mem'], {
      timeoutMs: 30_000,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout).toMatch(/header\/empty +the file is empty/);
  });

  const small: readonly (readonly [string, (path: string) => readonly string[]])[] = [
    ['a config file', (path) => ['--config', path, 'fit', 'nano', '--device', '6gb-phone']],
    ['a policy', (path) => ['validate', 'nano:Q2_K', '--policy', path]],
    ['a card', (path) => ['card', 'check', path, '--model', 'nano:Q2_K']],
    ['results', (path) => ['report', path]],
    ['a template', (path) => ['run', 'nano:Q2_K', 'hi', '--template', path, '--gpu', 'off']],
    ['phones', (path) => ['fit', 'nano', '--device', '6gb-phone', '--devices', path]],
    ['gates', (path) => ['compare', 'nano:Q2_K', '--only', 'size', '--gates', path]],
    ['a text', (path) => ['eval', 'nano:Q2_K', '--text', path, '--gpu', 'off']],
    ['questions', (path) => ['eval', 'nano:Q2_K', '--tasks', path, '--gpu', 'off']],
    ['earlier results', (path) => ['compare', 'nano:Q2_K', '--only', 'size', '--resume', path]],
    ['a baseline', (path) => ['compare', 'nano:Q2_K', '--only', 'size', '--baseline', path]],
    ['measurements for a card', (path) => ['card', 'nano:Q2_K', '--results', path]],
    ['results of a phone', (path) => ['kit', 'check', path, '--golden', path]],
  ];
  it.each(small)('is one clear error, at once, where %s is named', async (_, argsOf) => {
    for (const path of [scratch.path('pipe.gguf'), '/dev/zero', scratch.path('folder.gguf')]) {
      const { exitCode, stdout, stderr } = await quantscope(argsOf(path), { timeoutMs: 30_000 });
      expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(/^error: .*\nhint: .*\n$/);
      expect(stderr).toMatch(/no regular file|a folder/);
    }
  });
});
