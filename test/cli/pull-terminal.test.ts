import { readdir, readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer, noise } from '../helpers/hub-server.ts';
import { HAS_SCRIPT, HIDE_CURSOR, onTerminal, SHOW_CURSOR } from '../helpers/terminal.ts';

const REPO = 'maker/big-GGUF';
const SMALL = 'maker/small-GGUF';
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
// biome-ignore lint/suspicious/noControlCharactersInRegex: what is drawn is between control sequences.
const CONTROL = /\u001B(?:\[[?\d;]*[A-Za-z]|[78])|[\r\n]/;

let server: HubServer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let env: Record<string, string>;

beforeEach(async () => {
  server = await HubServer.start({ bytesPerSecond: 4_000_000 });
  scratch = await scratchFolder();
  server.repos.set(REPO, {
    files: {
      'b-Q4_K_M.gguf': { content: noise(1000), claimedBytes: 1_500_000_000 },
      'b-Q8_0.gguf': { content: noise(1000, 2), claimedBytes: 900_000_000 },
    },
  });
  server.repos.set(SMALL, { files: { 's-Q4_K_M.gguf': { content: noise(6_000_000) } } });
  env = {
    HF_ENDPOINT: server.endpoint,
    HF_HOME: scratch.path('hf'),
    HF_HUB_CACHE: '',
    XDG_CACHE_HOME: scratch.path('cache'),
    NO_COLOR: '1',
  };
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

const QUESTION = /Download 1 file, 1\.40 GiB\? \[y\/N\] /;
const PROGRESS = /[=-]{24} +\d+ % {2}[\d.]+ [KM]iB of 1\.40 GiB, [\d.]+ [KM]iB\/s, about [\d.]+ (?:min|h)/;

describe.skipIf(!HAS_SCRIPT)('pull on a terminal (needs util-linux’s script)', () => {
  it.each([
    ['n', 'n\r'],
    ['nothing', '\r'],
    ['the end of the input', CTRL_D],
  ])('downloads nothing when more than 1 GB is answered with %s', async (_, keys) => {
    const { exitCode, output } = await onTerminal(['pull', `hf:${REPO}:Q4_K_M`], {
      env,
      types: [{ after: QUESTION, keys }],
    });
    expect(output).toMatch(QUESTION);
    expect(output).toContain('error: nothing was downloaded; it would have been 1 file, 1.40 GiB');
    expect(output).toContain('hint: Add --yes');
    expect(exitCode).toBe(2);
    expect(server.downloads).toEqual([]);
    expect(await readdir(scratch.path('hf')).catch(() => [])).toEqual([]);
  });

  it('ends at Ctrl-C at the question', async () => {
    const { exitCode, output } = await onTerminal(['pull', `hf:${REPO}:Q4_K_M`], {
      env,
      types: [{ after: QUESTION, keys: CTRL_C }],
    });
    expect(exitCode).toBe(130);
    expect(output).not.toContain('error:');
    expect(server.downloads).toEqual([]);
  });

  it('downloads after yes, with rate, share and time left, and gives the terminal back at Ctrl-C', async () => {
    const { exitCode, output } = await onTerminal(['pull', `hf:${REPO}:Q4_K_M`, '--connections', '1'], {
      env,
      types: [
        { after: QUESTION, keys: 'yes\r' },
        { after: PROGRESS, keys: CTRL_C },
      ],
    });
    expect(output).toMatch(PROGRESS);
    expect(exitCode).toBe(130);
    expect(output).toContain(HIDE_CURSOR);
    expect(output.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(output.lastIndexOf(HIDE_CURSOR));
    expect(output).not.toMatch(/error:|\n {4}at /);
    const blobs = await readdir(scratch.path('hf/hub/models--maker--big-GGUF/blobs'));
    expect(blobs.every((name) => name.endsWith('.incomplete'))).toBe(true);
  });

  it.each([
    ['at most 1 GB', ['pull', `hf:${REPO}:Q8_0`]],
    ['--yes', ['pull', `hf:${REPO}:Q4_K_M`, '--yes']],
  ])('does not ask with %s', async (_, args) => {
    const { exitCode, output } = await onTerminal(args, {
      env,
      types: [{ after: /\d+ % /, keys: CTRL_C, waitMs: 300 }],
    });
    expect(output).not.toContain('Download');
    expect(exitCode).toBe(130);
    expect(server.downloads.length).toBeGreaterThan(0);
  });

  it.each([60, 100])('draws a bar that fits %d columns and clears it at the end', async (columns) => {
    const { exitCode, output } = await onTerminal(['pull', `hf:${SMALL}:Q4_K_M`], { env, columns });
    expect(exitCode).toBe(0);
    expect(output).toContain('maker/small-GGUF/s-Q4_K_M.gguf  done: 5.7 MiB, verified');
    const path = output.trimEnd().split('\n').at(-1)?.trim() ?? '';
    expect((await readFile(path)).equals(noise(6_000_000))).toBe(true);
    expect(output.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(output.lastIndexOf(HIDE_CURSOR));
    const drawn = output.split(CONTROL).filter((piece) => /\d %/.test(piece));
    expect(drawn.length).toBeGreaterThan(0);
    for (const piece of drawn) {
      expect(piece.length).toBeLessThan(columns);
      expect(piece).toMatch(columns < 80 ? /^\d+ % {2}.* of 5\.7 MiB/ : /^[=-]{24} \d+ % {2}.* of 5\.7 MiB/);
    }
  });

  it('asks before compare downloads, too', async () => {
    const { exitCode, output } = await onTerminal(['compare', `hf:${REPO}:Q4_K_M`], {
      env,
      types: [{ after: QUESTION, keys: 'n\r' }],
    });
    expect(output).toContain('nothing was downloaded');
    expect(exitCode).toBe(2);
  });

  it('asks before cache remove, and does it after yes', async () => {
    expect((await onTerminal(['pull', `hf:${SMALL}:Q4_K_M`], { env })).exitCode).toBe(0);
    const remove = (keys: string) =>
      onTerminal(['cache', 'remove', SMALL], { env, types: [{ after: /\[y\/N\] /, keys }] });
    const kept = await remove('n\r');
    expect(kept.output).toContain('Remove maker/small-GGUF/s-Q4_K_M.gguf (5.7 MiB)? [y/N] ');
    expect(kept.exitCode).toBe(2);
    const stopped = await remove(CTRL_C);
    expect(stopped.exitCode).toBe(130);
    const removed = await remove('y\r');
    expect(removed.output).toContain('removed 5.7 MiB');
    expect(await readdir(scratch.path('hf/hub'))).not.toContain('models--maker--small-GGUF');
  });
});

describe('pull without a terminal', () => {
  it('does not ask: a script has said what it wants', async () => {
    const { stderr } = await quantscope(['pull', `hf:${REPO}:Q4_K_M`], { env, timeoutMs: 3000 });
    expect(stderr).not.toContain('Download');
    expect(server.downloads.length).toBeGreaterThan(0);
  });
});
