import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scanHeaders } from '../dist/index.js';
import { quantscope } from './helpers/cli.ts';
import { nanoPath } from './helpers/nano.ts';

const server = fileURLToPath(new URL('../bench/survey-server.ts', import.meta.url));

/** The server of bench/survey.ts: m-49.gguf is malformed, m-99.gguf is not there. */
async function startServer(): Promise<{ origin: string; stop: () => void }> {
  const child = spawn(process.execPath, ['--import', 'tsx', server, '5'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [origin] = await once(child.stdout, 'data');
  return { origin: String(origin).trim(), stop: () => child.stdin.end() };
}

async function statsOf(origin: string): Promise<{ connections: number; requests: number }> {
  return (await fetch(`${origin}/stats`)).json() as Promise<{ connections: number; requests: number }>;
}

describe('a survey of remote headers', () => {
  let origin: string;
  let stop: () => void;

  beforeAll(async () => {
    ({ origin, stop } = await startServer());
  });
  afterAll(() => stop());

  it('costs one request a file, on as few connections as files at a time', async () => {
    const { signal } = new AbortController();
    await statsOf(origin);
    const labels = new Set<string>();
    const errors: string[] = [];
    const refs = Array.from({ length: 100 }, (_, index) => `${origin}/m-${index}.gguf`);
    for await (const each of scanHeaders(refs, { concurrency: 4, signal })) {
      if ('error' in each) errors.push(`${each.ref} ${each.error.code}`);
      else if (each.scan.header !== null) labels.add(String(each.fileBytes));
    }
    expect(errors).toEqual([`${origin}/m-99.gguf io/not-found`]);
    expect(labels).toContain(String((await readFile(nanoPath('Q4_K_M'))).length));
    const { connections, requests } = await statsOf(origin);
    expect(requests).toBe(100);
    // One asked for the figures; one may be made anew where the server's answer was an error.
    expect(connections).toBeLessThanOrEqual(6);
  });

  it('is abandoned with its signal', async () => {
    const controller = new AbortController();
    const refs = Array.from({ length: 1000 }, (_, index) => `${origin}/m-${index}.gguf`);
    let seen = 0;
    const survey = async (): Promise<void> => {
      for await (const _ of scanHeaders(refs, { concurrency: 8, signal: controller.signal })) {
        if (++seen === 20) controller.abort();
      }
    };
    expect(await survey().catch((thrown: unknown) => thrown)).toBe(controller.signal.reason);
    expect(seen).toBeLessThan(40);
  });

  it('by the command: a line for each file as it is checked, without a warning of many listeners', async () => {
    const refs = Array.from({ length: 100 }, (_, index) => `${origin}/m-${index}.gguf`);
    const { stdout, stderr, exitCode } = await quantscope([
      'validate',
      '--ndjson',
      '--quiet',
      '-j',
      '32',
      ...refs,
    ]);
    expect(stderr).toBe('');
    expect(exitCode).toBe(1);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).file?.ref ?? JSON.parse(line).files?.[0].ref);
    expect(new Set(lines).size).toBe(100);
  });

  it('leaves nothing that keeps the process alive', async () => {
    const source =
      `import { openSource, scanHeaders } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};` +
      `for await (const _ of scanHeaders(['${origin}/m-1.gguf', '${origin}/m-99.gguf', 'nano:Q2_K'])) ;` +
      `await (await openSource('${origin}/m-2.gguf'))[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]?.();` +
      `process.on('exit', () => console.log(JSON.stringify({ kinds: process.getActiveResourcesInfo() })));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [text] = await once(child.stdout, 'data');
    const [code] = await once(child, 'close');
    expect(code).toBe(0);
    // An idle connection of the pool may be open, and does not count: it is let go with the process.
    expect(JSON.parse(String(text)).kinds).not.toContain('Timeout');
  });
});
