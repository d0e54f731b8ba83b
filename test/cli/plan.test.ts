import { readFile, truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FitReport, fitSchema } from '../../src/schema/fit.ts';
import { type Inspection, inspectionSchema } from '../../src/schema/inspection.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer } from '../helpers/hub-server.ts';
import { modelHeader } from '../helpers/model-header.ts';
import { nanoPath } from '../helpers/nano.ts';
import { shardFiles } from '../helpers/split.ts';

const REPO = 'maker/nano-sharded-GGUF';
let server: HubServer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  server = await HubServer.start();
  scratch = await scratchFolder();
  const shards = shardFiles(await readFile(nanoPath('Q8_0')), 3, 'Q8_0/nano-Q8_0');
  server.repos.set(REPO, {
    files: Object.fromEntries([...shards].map(([name, bytes]) => [name, { content: bytes }])),
  });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

async function run(...args: string[]) {
  const { stdout, stderr, exitCode } = await quantscope(args, {
    env: { HF_ENDPOINT: server.endpoint, HF_HOME: scratch.path('hf'), HF_HUB_CACHE: '' },
  });
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  return stdout;
}

async function memoryOf(...args: string[]): Promise<Exclude<Inspection['memory'], { status: unknown }>> {
  const { memory } = inspectionSchema.parse(JSON.parse(await run('inspect', '--json', ...args)));
  if ('status' in memory) throw new Error(memory.reason);
  return memory;
}

async function plainModel(architecture: string, headLength: number): Promise<string> {
  const { header, sizeBytes } = modelHeader({
    architecture,
    layers: 2,
    keyValueHeads: 4,
    headLength,
    norms: [],
    metadata: {},
  });
  const path = scratch.path('plain.gguf');
  await writeFile(path, header);
  await truncate(path, sizeBytes);
  return path;
}

describe('inspect --plan', () => {
  it('has what llama.cpp would allocate in place of the estimate, and says so', async () => {
    const planned = await memoryOf('nano:Q4_K_M', '-c', '2048,512', '--plan');
    const estimated = await memoryOf('nano:Q4_K_M', '-c', '2048,512');
    expect(planned.basis).toBe('engine');
    expect(estimated.basis).toBe('estimated');
    const caches = ({ byContext }: typeof planned) =>
      byContext.map((row) =>
        'status' in row ? row.reason : `${row.contextSize} ${row.cacheType} ${row.kvBytes}`,
      );
    expect(caches(planned)).toEqual(caches(estimated));
    expect(planned.totalBytes).toBe(planned.weightsBytes + planned.kvBytes + planned.computeBytes);
    const page = (await run('inspect', 'nano:Q4_K_M', '--plan')).replaceAll(/\s+/g, ' ');
    expect(page).toContain('Planned memory');
    expect(page).toContain('Planned by llama.cpp, which allocated nothing');
    expect(await run('inspect', 'nano:Q4_K_M')).toContain('Estimated memory');
  });

  it('has a row with the reason for a context that llama.cpp refuses', async () => {
    const path = await plainModel('llama', 80);
    const { byContext } = await memoryOf(path, '-c', '2048', '--plan');
    expect(byContext.map((row) => [row.cacheType, 'status' in row ? row.reason : 'planned'])).toEqual([
      ['f16', 'planned'],
      ['q8_0', expect.stringMatching(/refuses a context of 2048 tokens: .*80/)],
      ['q4_0', expect.stringMatching(/refuses a context of 2048 tokens: .*80/)],
    ]);
    const page = (await run('inspect', path, '-c', '2048', '--plan')).replaceAll(/\s+/g, ' ');
    expect(page).toMatch(/Refused: 2,048 q8_0(, 2,048 q4_0)?: llama\.cpp refuses/);
  });

  it('fetches no more of a model in several files on the Hub than their headers', async () => {
    const planned = await memoryOf(`hf:${REPO}:Q8_0`, '-c', '512', '--plan');
    expect(planned).toEqual(await memoryOf('nano:Q8_0', '-c', '512', '--plan'));
  });

  it('has no figures of what llama.cpp refuses, with its reason', async () => {
    const path = await plainModel('of-no-kind', 64);
    const { memory } = inspectionSchema.parse(JSON.parse(await run('inspect', path, '--plan', '--json')));
    expect(memory).toMatchObject({
      status: 'unavailable',
      reason: expect.stringContaining('llama.cpp refused'),
    });
  });
});

describe('fit --plan', () => {
  const variantOf = async (...args: string[]) => {
    const report: FitReport = fitSchema.parse(
      JSON.parse(await run('fit', '--json', '-d', 'galaxy-s23', ...args)),
    );
    return report.devices[0]?.variants[0];
  };

  it('judges by what llama.cpp would allocate, and says so', async () => {
    const planned = await variantOf('nano:Q4_K_M', '--plan');
    const estimated = await variantOf('nano:Q4_K_M');
    const { computeBytes } = await memoryOf('nano:Q4_K_M', '-c', '2048', '--plan');
    expect(planned?.memory).toMatchObject({ basis: 'engine', computeBytes });
    expect(estimated?.memory.basis).toBe('estimated');
    expect(planned?.memory.kvBytes).toBe(estimated?.memory.kvBytes);
    const text = await run('fit', '-d', 'galaxy-s23', 'nano:Q4_K_M', '--plan');
    expect(text.replaceAll(/\s+/g, ' ')).toContain('cache and compute buffer by llama.cpp’s own plan');
  });

  it('plans each model of a repository by its headers', async () => {
    const { memory } = (await variantOf(`hf:${REPO}`, '--plan')) ?? {};
    expect(memory?.basis).toBe('engine');
    expect(memory?.kvBytes).toBe((await variantOf('nano:Q8_0', '--plan'))?.memory.kvBytes);
  });
});
