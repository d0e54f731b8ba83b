import { execFile, execFileSync } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { writeOutput } from '../../src/api/output-file.ts';
import { scratchFolder } from '../helpers/cli.ts';

describe('an output', () => {
  it('is a whole file, with nothing left beside it', async () => {
    await using scratch = await scratchFolder();
    await writeOutput(scratch.path('out.json'), '{}', '');
    await writeOutput(scratch.path('out.json'), '[]', '');
    expect(await readFile(scratch.path('out.json'), 'utf8')).toBe('[]');
    expect(await readdir(scratch.folder)).toEqual(['out.json']);
  });

  it.skipIf(process.platform === 'win32')('goes into a pipe, which stays one', async () => {
    await using scratch = await scratchFolder();
    const pipe = scratch.path('pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = promisify(execFile)('cat', [pipe]);
    await writeOutput(pipe, 'all of it', '');
    expect((await reader).stdout).toBe('all of it');
    expect((await stat(pipe)).isFIFO()).toBe(true);
  });
});
