import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  draftOf,
  isStdout,
  isStream,
  outputPlace,
  publishOutput,
  requireWritable,
  writeOutput,
} from '../../src/util/output-file.ts';
import { BIN, scratchFolder } from '../helpers/cli.ts';

const POSIX = process.platform !== 'win32';
const SOURCE = fileURLToPath(new URL('../../src/util/output-file.ts', import.meta.url));

/** Writes by name both ways that there are, so that one rule holds for both. */
const WAYS = [
  ['a text', (path: string, content: string) => writeOutput(path, content, '')],
  [
    'a file made elsewhere',
    async (path: string, content: string) => {
      const draft = await draftOf(path, '');
      await writeFile(draft, content);
      await publishOutput(draft, path, '');
    },
  ],
] as const;

describe.each(WAYS)('an output: %s', (_name, write) => {
  it('is a whole file, with nothing left beside it', async () => {
    await using scratch = await scratchFolder();
    await write(scratch.path('out.json'), '{}');
    await write(scratch.path('out.json'), '[]');
    expect(await readFile(scratch.path('out.json'), 'utf8')).toBe('[]');
    expect(await readdir(scratch.folder)).toEqual(['out.json']);
  });

  it.runIf(POSIX)('goes into a pipe, which stays one', async () => {
    await using scratch = await scratchFolder();
    const pipe = scratch.path('pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = promisify(execFile)('cat', [pipe]);
    await write(pipe, 'all of it');
    expect((await reader).stdout).toBe('all of it');
    expect((await stat(pipe)).isFIFO()).toBe(true);
    expect(await readdir(scratch.folder)).toEqual(['pipe']);
  });

  it.runIf(POSIX)('leaves a device one, by its name and by a link to it', async () => {
    await using scratch = await scratchFolder();
    await symlink('/dev/null', scratch.path('link'));
    await write('/dev/null', 'nothing');
    await write(scratch.path('link'), 'nothing');
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
    expect(await readlink(scratch.path('link'))).toBe('/dev/null');
  });

  it.runIf(POSIX)('follows links, also to what is not there yet', async () => {
    await using scratch = await scratchFolder();
    await mkdir(scratch.path('there'));
    await symlink('there/real.json', scratch.path('second'));
    await symlink('second', scratch.path('first'));
    for (const content of ['1', '2']) {
      await write(scratch.path('first'), content);
      expect(await readFile(scratch.path('there/real.json'), 'utf8')).toBe(content);
    }
    expect(await readlink(scratch.path('first'))).toBe('second');
    expect(await readdir(scratch.path('there'))).toEqual(['real.json']);
  });

  it('is refused by a folder', async () => {
    await using scratch = await scratchFolder();
    await expect(write(scratch.folder, '{}')).rejects.toMatchObject({ code: 'output/unwritable' });
    expect((await stat(scratch.folder)).isDirectory()).toBe(true);
  });
});

/** Whether a file can be mounted over another here, as a container has it. */
const CAN_MOUNT =
  process.platform === 'linux' &&
  spawnSync('unshare', [
    '-rm',
    'sh',
    '-c',
    'touch /tmp/$$ && mount --bind /tmp/$$ /tmp/$$; s=$?; rm -f /tmp/$$; exit $s',
  ]).status === 0;

describe('an output in a container', () => {
  it.runIf(CAN_MOUNT)('is written in place where its file is mounted by itself', async () => {
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('outside.json'), 'old and longer');
    await writeFile(scratch.path('mounted.json'), '');
    const script = `
      import { draftOf, publishOutput, writeOutput } from ${JSON.stringify(SOURCE)};
      import { readFileSync, writeFileSync } from 'node:fs';
      const [path] = process.argv.slice(1);
      await writeOutput(path, 'text', '');
      console.log(readFileSync(path, 'utf8'));
      const draft = await draftOf(path, '');
      writeFileSync(draft, 'made');
      await publishOutput(draft, path, '');`;
    const mounted = scratch.path('mounted.json');
    const run = [
      `mount --bind ${scratch.path('outside.json')} ${mounted}`,
      `${process.execPath} --import tsx --input-type=module -e "$SCRIPT" ${mounted}`,
    ].join(' && ');
    const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', run], {
      env: { ...process.env, SCRIPT: script },
      encoding: 'utf8',
    });
    expect([stdout, stderr]).toEqual(['text\n', '']);
    expect(await readFile(scratch.path('outside.json'), 'utf8')).toBe('made');
    expect((await readdir(scratch.folder)).sort()).toEqual(['mounted.json', 'outside.json']);
  });
});

describe.runIf(POSIX)('the name of an output', () => {
  it.each(['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])('%s is stdout', async (path) => {
    expect(await outputPlace(path)).toEqual({ kind: 'descriptor', fd: 1 });
    expect([await isStdout(path), await isStream(path)]).toEqual([true, true]);
    await requireWritable(path, '');
  });

  it('is stdout through a link too, and a file otherwise', async () => {
    await using scratch = await scratchFolder();
    await symlink('/dev/stdout', scratch.path('log'));
    expect(await isStdout(scratch.path('log'))).toBe(true);
    expect(await outputPlace(scratch.path('new'))).toEqual({ kind: 'file', path: scratch.path('new') });
    expect(await isStdout(undefined)).toBe(false);
  });

  it('that cannot be written is told beforehand', async () => {
    await using scratch = await scratchFolder();
    for (const path of [scratch.folder, scratch.path('missing/out.json')]) {
      await expect(requireWritable(path, '')).rejects.toMatchObject({ code: 'output/unwritable' });
    }
    await requireWritable(scratch.path('new'), '');
    expect(await readdir(scratch.folder)).toEqual([]);
  });
});

const shell = promisify(execFile);
const program = `${process.execPath} ${BIN}`;

describe.runIf(POSIX)('a document', () => {
  it('goes behind what a shell wrote to the same file, and into >(…)', async () => {
    await using scratch = await scratchFolder();
    const [out, through] = [scratch.path('out'), scratch.path('through')];
    const command = `(echo before; ${program} imatrix nano:Q2_K -t 1 --chunks 2 --quiet --out -; echo after) > ${out}`;
    await shell('bash', ['-c', command]);
    const text = await readFile(out, 'latin1');
    expect(text.slice(0, 11)).toBe('before\nGGUF');
    expect(text.slice(-6)).toBe('after\n');
    const report = `compare nano:Q2_K --only size --quiet --out >(cat > ${through})`;
    await shell('bash', ['-c', `${program} ${report}; sleep 0.3`]);
    expect(JSON.parse(await readFile(through, 'utf8')).schema).toBe('quantscope/results@1');
  });

  it('that is asked for on stdout is all that is there', async () => {
    const { stdout } = await shell('bash', [
      '-c',
      `${program} compare nano:Q2_K --only size --quiet --out - | cat`,
    ]);
    expect(JSON.parse(stdout).schema).toBe('quantscope/results@1');
  });
});
