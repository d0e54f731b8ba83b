import { readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeModelBytes } from '../../src/gguf/index.ts';
import type { CatalogueList, VariantsReport } from '../../src/schema/hub.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer, noise } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';

const REPO = 'maker/nano-GGUF';
let server: HubServer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  server = await HubServer.start();
  scratch = await scratchFolder();
  const content = async (name: string) => ({ content: await readFile(nanoPath(name)) });
  server.repos.set(REPO, {
    files: {
      'nano-fp16.gguf': await content('F16'),
      'nano.Q4_K_M.gguf': await content('Q4_K_M'),
      'nano-q2_k.gguf': await content('Q2_K'),
      'mmproj-F16.gguf': await content('Q2_K'),
    },
  });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  quantscope(args, {
    env: { HF_ENDPOINT: server.endpoint, HF_HOME: scratch.path('hf'), HF_HUB_CACHE: '', ...env },
  });

describe('variants', () => {
  it('shows each quantization, smallest first, from the headers alone', async () => {
    const { exitCode, stdout, stderr } = await run(['variants', REPO]);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    const rows = stdout.split('\n').filter((line) => /MiB/.test(line));
    expect(rows.map((line) => line.trim().split(/\s+/)[0])).toEqual(['Q2_K', 'Q4_K_M', 'F16']);
    expect(rows[1]).toMatch(/2\.6 MiB +5\.10 .* no +no +Q4_K 63, Q6_K 36/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    for (const { headers } of server.downloads) expect(headers.range).toBeDefined();
  });

  it('says as JSON what is in the cache', async () => {
    await run(['pull', `hf:${REPO}:Q4_K_M`]);
    const { stdout } = await run(['variants', `hf:${REPO}`, '--json', '--context', '512']);
    const report: { commit: string; variants: { label: string; cached: boolean; memoryBytes: number }[] } =
      JSON.parse(stdout);
    expect(report.commit).toBe(server.commitOf(REPO));
    expect(report.variants.map(({ label, cached }) => [label, cached])).toEqual([
      ['Q2_K', false],
      ['Q4_K_M', true],
      ['F16', false],
    ]);
    expect(report.variants[1]?.memoryBytes).toBeGreaterThan(2_600_000);
  });

  it('marks a gated repository and says what to do', async () => {
    server.repos.set(REPO, { ...(server.repos.get(REPO) ?? { files: {} }), gated: true });
    const { exitCode, stdout } = await run(['variants', REPO], { HF_TOKEN: '' });
    expect(exitCode).toBe(1);
    expect(stdout).toContain('Q2_K failed');
    expect(stdout).toMatch(
      /gated: accept its terms at http:\/\/127\.0\.0\.1:\d+\/maker\/nano-GGUF and set\s+HF_TOKEN/,
    );
    const withToken = await run(['variants', REPO], { HF_TOKEN: 'a-token-of-another-form' });
    expect(withToken.exitCode).toBe(0);
    expect(server.downloads.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it('adds up shards, and one unreadable file does not spoil the table', async () => {
    const whole = server.repos.get(REPO)?.files ?? {};
    const shard = (index: number, tensors: string[]) => ({
      content: writeModelBytes({
        metadata: [
          ['general.architecture', { type: 'string', value: 'llama' }],
          ['split.no', { type: 'uint16', value: index }],
          ['split.count', { type: 'uint16', value: 2 }],
          ['split.tensors.count', { type: 'int32', value: 3 }],
        ],
        tensors: tensors.map((name) => ({ name, type: 'BF16', shape: [32] })),
      }),
    });
    const shards = [shard(0, ['a', 'b']), shard(1, ['c'])];
    server.repos.set(REPO, {
      files: {
        ...whole,
        'broken-Q8_0.gguf': { content: noise(5000) },
        ...Object.fromEntries(
          shards.map((each, index) => [`BF16/m-BF16-0000${index + 1}-of-00002.gguf`, each]),
        ),
      },
    });
    const { exitCode, stdout } = await run(['variants', REPO, '--json']);
    expect(exitCode).toBe(1);
    const report: VariantsReport = JSON.parse(stdout);
    const schema = JSON.parse(await readFile(new URL('../../schema/variants.json', import.meta.url), 'utf8'));
    const validate = new Ajv2020({ strict: false }).compile(schema);
    expect(validate(report) ? null : validate.errors).toBeNull();
    const two = report.variants.find(({ label }) => label === 'BF16');
    expect(two).toMatchObject({
      shards: 2,
      bytes: shards.reduce((sum, { content }) => sum + content.length, 0),
    });
    expect(two?.bitsPerWeight).toBeCloseTo(16);
    const broken = report.variants.find(({ label }) => label === 'Q8_0');
    expect(broken?.failure?.code).toMatch(/magic/);
    expect(report.variants.filter(({ failure }) => failure === null).length).toBe(report.variants.length - 1);
    const table = await run(['variants', REPO]);
    expect(table.stdout).toContain('Q8_0 failed');
    expect(table.stdout).toContain('- hf:maker/nano-GGUF/broken-Q8_0.gguf');
  });

  it('lists the catalogue without a repository', async () => {
    const { exitCode, stdout } = await run(['variants']);
    expect(exitCode).toBe(0);
    for (const said of [
      'phi3',
      'llama-3.2-1b',
      'gemma-2b',
      'MIT (Microsoft)',
      'Q2_K, Q4_K_M, Q8_0',
      '<|end|>',
    ])
      expect(stdout).toContain(said);
    const list: CatalogueList = JSON.parse((await run(['variants', '--json'])).stdout);
    expect(list.models.map(({ name }) => name)).toEqual(['phi3', 'llama-3.2-1b', 'gemma-2b']);
    expect(server.requests).toEqual([]);
  });
});
