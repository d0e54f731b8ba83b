import { execFileSync } from 'node:child_process';
import { mkdir, symlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { verifyFile } from '../../src/hub/cache-manage.ts';
import { takeLock } from '../../src/hub/lock.ts';
import { RepoCache } from '../../src/hub/repo-cache.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { recordOf, urlRecordPath } from '../../src/hub/url-cache.ts';
import { sha256OfFiles } from '../../src/measure/file-hash.ts';
import { isReferenceFile } from '../../src/measure/reference-file.ts';
import { scratchFolder } from '../helpers/cli.ts';

const { signal } = new AbortController();
const origin = { objectId: 'a'.repeat(64), sizeBytes: 4, url: 'https://example.org/m' };

/** Reads what stands at a path of the cache, and what it comes to where that is no file. */
const readers: Readonly<
  Record<string, { at: (folder: string) => string; read: (folder: string) => unknown; comesTo: unknown }>
> = {
  'the token': {
    at: (folder) => join(folder, 'token'),
    read: (folder) => readHubSettings({ HF_HOME: folder }, '/nowhere').token(),
    comesTo: undefined,
  },
  'a revision': {
    at: (folder) => join(folder, 'models--a--b', 'refs', 'main'),
    read: (folder) => new RepoCache(folder, 'a/b').commitOf('main'),
    comesTo: undefined,
  },
  'the record of an address': {
    at: (folder) => urlRecordPath(join(folder, 'm.gguf')),
    read: (folder) => recordOf(join(folder, 'm.gguf')),
    comesTo: undefined,
  },
  'what is hashed': {
    at: (folder) => join(folder, 'blob'),
    read: (folder) => verifyFile({ ...origin, place: join(folder, 'blob') }, signal),
    comesTo: { kind: 'unreadable', reason: expect.stringMatching(/no regular file/) },
  },
  'a reference': {
    at: (folder) => join(folder, 'base.kld'),
    read: (folder) => isReferenceFile(join(folder, 'base.kld')),
    comesTo: false,
  },
  'a model that is hashed': {
    at: (folder) => join(folder, 'm.gguf'),
    read: (folder) =>
      sha256OfFiles([join(folder, 'm.gguf')]).catch((thrown: Error) => thrown.message.replace(/^.*: /, '')),
    comesTo: 'it is no regular file',
  },
};

// What waits for a writer, or reads without end, does not come to an end here either.
for (const [kind, make] of [
  ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
  ['an endless device', (path: string) => symlink('/dev/zero', path)],
] as const) {
  it.skipIf(process.platform === 'win32').each(Object.entries(readers))(
    `${kind} in place of %s is passed by`,
    async (_, { at, read, comesTo }) => {
      await using scratch = await scratchFolder();
      await mkdir(dirname(at(scratch.folder)), { recursive: true });
      await make(at(scratch.folder));
      expect(await read(scratch.folder)).toEqual(comesTo);
    },
  );
}

it.skipIf(process.platform === 'win32')('an old pipe in place of a lock is no owner', async () => {
  await using scratch = await scratchFolder();
  const path = scratch.path('lock');
  execFileSync('mkfifo', [path]);
  await utimes(path, 1, 1);
  const sleep = () => Promise.reject(new Error('it waits'));
  await using lock = await takeLock(path, { sleep, signal });
  await lock.requireHeld();
});
