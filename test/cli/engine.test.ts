import { describe, expect, it } from 'vitest';
import { listLocalBuilds } from '../../src/engine/local-builds.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

const hasLocalBuild = (await listLocalBuilds()).some(({ builtAt }) => builtAt !== null);

describe('engine', () => {
  it('says which builds there are and which one sessions take', async () => {
    const { exitCode, stdout } = await quantscope(['engine'], { env: { QUANTSCOPE_ENGINE: 'prebuilt' } });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^ {2}in use +prebuilt, .*llama\.cpp v[\d.]+ through node-llama-cpp [\d.]+,\s+because\s+QUANTSCOPE_ENGINE=prebuilt$/m,
    );
    expect(stdout).toMatch(/^ {2}prebuilt +\w+, /m);
  });

  it('gives the same as JSON', async () => {
    const { stdout } = await quantscope(['engine', 'list', '--json'], { env: { QUANTSCOPE_ENGINE: '' } });
    const { choice, inUse, builds } = JSON.parse(stdout);
    expect(choice).toBe('auto');
    expect(inUse.info.build).toBe(hasLocalBuild ? 'localBuild' : 'prebuilt');
    expect(builds.prebuilt.info.build).toBe('prebuilt');
  });

  it.skipIf(hasLocalBuild)('says how to get a local build that is asked for and not there', async () => {
    const env = { QUANTSCOPE_ENGINE: 'local' };
    const listed = await quantscope(['engine'], { env });
    expect(listed.exitCode).toBe(2);
    expect(listed.stdout).toMatch(/in use +none: there is no local build of llama\.cpp/);
    const ran = await quantscope(['run', 'nano:Q2_K', 'a', '-n', '1', '-t', '1'], { env });
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain('there is no local build of llama.cpp that loads');
    expect(ran.stderr).toContain('quantscope engine build');
  });

  it('refuses a build that does not exist', async () => {
    const { exitCode, stderr } = await quantscope(['engine'], { env: { QUANTSCOPE_ENGINE: 'fast' } });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('QUANTSCOPE_ENGINE is "fast", expected auto, prebuilt or local');
  });

  it('names the tools that a build lacks before it changes anything', async () => {
    await using empty = await scratchFolder();
    const { exitCode, stderr } = await quantscope(['engine', 'build'], { env: { PATH: empty.path('.') } });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/error: not installed or not on PATH: git, cmake/);
    expect(stderr).toMatch(/hint: .*cmake/i);
  });
});
