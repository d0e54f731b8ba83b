import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listLocalBuilds, llamaFolder, removeLocalBuilds } from '../../src/engine/local-builds.ts';
import { scratchFolder } from '../helpers/cli.ts';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
beforeEach(async () => {
  scratch = await scratchFolder();
});
afterEach(async () => {
  await scratch[Symbol.asyncDispose]();
});

/** What node-llama-cpp leaves after a build: its metadata, and a mark when it was done. */
async function leaveBuild(name: string, gpu: string | false, done: boolean): Promise<void> {
  const folder = scratch.path(join('localBuilds', name));
  await mkdir(join(folder, 'Release'), { recursive: true });
  await writeFile(
    join(folder, 'Release', '_nlcBuildMetadata.json'),
    JSON.stringify({ buildOptions: { gpu } }),
  );
  if (done) await writeFile(join(folder, 'buildDone.status'), '');
}

describe('local builds', () => {
  it('lie in node-llama-cpp beside the source they are made from', () => {
    expect(existsSync(join(llamaFolder(), 'gitRelease.bundle'))).toBe(true);
  });

  it('are none where nothing was built', async () => {
    expect(await listLocalBuilds(scratch.path('nowhere'))).toEqual([]);
  });

  it('are told by backend, an interrupted one by having no date', async () => {
    await leaveBuild('linux-x64', false, true);
    await leaveBuild('linux-x64-vulkan', 'vulkan', false);
    await mkdir(scratch.path('localBuilds/linux-x64.lock'));
    const builds = await listLocalBuilds(scratch.path('.'));
    expect(builds.map(({ backend, builtAt }) => [backend, builtAt instanceof Date])).toEqual([
      ['cpu', true],
      ['vulkan', false],
    ]);
  });

  it('are removed with the source unpacked for them, and nothing else', async () => {
    await leaveBuild('linux-x64', false, true);
    await mkdir(scratch.path('llama.cpp'));
    await writeFile(scratch.path('gitRelease.bundle'), 'kept');
    await removeLocalBuilds(scratch.path('.'));
    expect(existsSync(scratch.path('localBuilds'))).toBe(false);
    expect(existsSync(scratch.path('llama.cpp'))).toBe(false);
    expect(existsSync(scratch.path('gitRelease.bundle'))).toBe(true);
  });
});
