import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFile, openSource } from '../../src/io/index.ts';

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quantscope-io-'));
  path = join(folder, 'ten.bin');
  await writeFile(
    path,
    Uint8Array.from({ length: 10 }, (_, index) => index),
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe('a local file', () => {
  it('is read by position, any part in any order', async () => {
    await using source = await openFile(path);
    expect(source.byteLength).toBe(10);
    expect(source.name).toBe(path);
    expect([...(await source.read(7, 10))]).toEqual([7, 8, 9]);
    expect([...(await source.read(0, 2))]).toEqual([0, 1]);
    expect([...(await source.read(4, 4))]).toEqual([]);
  });

  it('serves several reads at once', async () => {
    await using source = await openFile(path);
    const parts = await Promise.all([0, 3, 6].map((start) => source.read(start, start + 3)));
    expect(parts.map((part) => [...part])).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7, 8],
    ]);
  });

  it('fills a buffer of the caller', async () => {
    await using source = await openFile(path);
    const target = new Uint8Array(4);
    await source.readInto?.(2, target);
    expect([...target]).toEqual([2, 3, 4, 5]);
  });

  it('gives bytes again, at once and after it was closed', async () => {
    const source = await openFile(path);
    await source[Symbol.asyncDispose]();
    expect([...(source.readAgain?.(3, 6) ?? [])]).toEqual([3, 4, 5]);
    expect(() => source.readAgain?.(8, 2 ** 50)).toThrow('2 bytes from byte 8 on');
  });

  it('gives no bytes of another file again', async () => {
    const changing = join(folder, 'changing.bin');
    await writeFile(changing, new Uint8Array(100));
    await using source = await openFile(changing);
    await rm(changing);
    const again = () => source.readAgain?.(0, 10);
    expect(again).toThrow(expect.objectContaining({ code: 'io/not-found' }));
    // As long as the first.
    await writeFile(changing, new Uint8Array(100));
    await utimes(changing, 1, 1);
    expect(again).toThrow(expect.objectContaining({ code: 'io/changed' }));
  });

  it('throws for a window past its end, without allocating it', async () => {
    await using source = await openFile(path);
    await expect(source.read(8, 2 ** 50)).rejects.toMatchObject({
      code: 'io/short-read',
      message: expect.stringContaining('2 bytes from byte 8 on'),
    });
  });

  it('throws when it became shorter since it was opened', async () => {
    const shrinking = join(folder, 'shrinking.bin');
    await writeFile(shrinking, new Uint8Array(100));
    await using source = await openFile(shrinking);
    await writeFile(shrinking, new Uint8Array(10));
    await expect(source.read(0, 100)).rejects.toMatchObject({ code: 'io/short-read' });
  });

  it('stops when the signal says so', async () => {
    await using source = await openFile(path);
    const reason = new Error('enough');
    await expect(source.read(0, 5, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('may be empty: what that means is for its reader to say', async () => {
    const empty = join(folder, 'empty.bin');
    await writeFile(empty, '');
    await using source = await openFile(empty);
    expect(source.byteLength).toBe(0);
  });

  it('is opened by a file URL too', async () => {
    await using source = await openSource(pathToFileURL(path).href);
    expect(source.byteLength).toBe(10);
  });

  it.each([
    ['that is absent', () => join(folder, 'absent.gguf'), 'io/not-found', 'no such file'],
    ['behind a file', () => join(path, 'deeper.gguf'), 'io/not-found', 'no such file'],
    ['that is a folder', () => folder, 'io/is-directory', 'a directory, expected a file'],
    ['that is a device', () => '/dev/null', 'io/not-a-file', 'not a regular file'],
  ])('%s is one clear error with a hint', async (_, pathOf, code, message) => {
    const error = await openFile(pathOf()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code,
      message: `${pathOf()}: ${message}${code === 'io/not-a-file' ? ', so it cannot be read by position' : ''}`,
      hint: expect.stringMatching(/\.$/),
    });
  });

  it.skipIf(process.platform === 'win32')(
    'behind links that lead in a circle is one clear error',
    async () => {
      await symlink(join(folder, 'b.gguf'), join(folder, 'a.gguf'));
      await symlink(join(folder, 'a.gguf'), join(folder, 'b.gguf'));
      await expect(openFile(join(folder, 'a.gguf'))).rejects.toMatchObject({
        code: 'io/link-loop',
        hint: 'Name the file itself.',
      });
    },
  );

  it.skipIf(process.platform === 'win32')(
    'that is a socket or a pipe is one clear error, at once',
    async () => {
      const socket = createServer().listen(join(folder, 's.gguf'));
      await once(socket, 'listening');
      execFileSync('mkfifo', [join(folder, 'p.gguf')]);
      for (const name of ['s.gguf', 'p.gguf']) {
        const error = await openFile(join(folder, name)).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'io/not-a-file', hint: 'Save it to a file first.' });
      }
      socket.close();
    },
  );

  // root may read everything.
  it.skipIf(process.getuid?.() === 0)('that may not be read is one clear error with a hint', async () => {
    const secret = join(folder, 'secret.bin');
    await writeFile(secret, 'x');
    await chmod(secret, 0);
    await expect(openFile(secret)).rejects.toMatchObject({ code: 'io/permission' });
  });

  it('that is closed while it is read gives what was asked for, and nothing after', async () => {
    const path = join(folder, 'closed.bin');
    await writeFile(path, 'bytes of this very file');
    const source = await openFile(path);
    const reading = source.read(0, 5);
    await source[Symbol.asyncDispose]();
    expect(Buffer.from(await reading).toString()).toBe('bytes');
    await expect(source.read(0, 5)).rejects.toMatchObject({ code: 'io/read-failed' });
  });
});
