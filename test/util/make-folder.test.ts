import { mkdir, stat, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { makeFolder } from '../../src/util/make-folder.ts';
import { scratchFolder } from '../helpers/cli.ts';

describe('makeFolder', () => {
  it('makes what is missing, and leaves what is there', async () => {
    await using scratch = await scratchFolder();
    await makeFolder(scratch.path('a/b/c'));
    await makeFolder(scratch.path('a/b/c'));
    expect((await stat(scratch.path('a/b/c'))).isDirectory()).toBe(true);
  });

  it('says what stands in the way', async () => {
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('file'), '');
    await expect(makeFolder(scratch.path('file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('is made by several at once', async () => {
    await using scratch = await scratchFolder();
    await mkdir(scratch.path('a'));
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(scratch.path('a/b/c/d'))));
    expect((await stat(scratch.path('a/b/c/d'))).isDirectory()).toBe(true);
  });

  it.skipIf(process.platform !== 'linux')('ends where a file system takes no folders', async () => {
    await expect(makeFolder('/proc/quantscope-none')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
