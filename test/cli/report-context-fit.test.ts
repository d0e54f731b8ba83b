import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextSchema } from '../../src/schema/context.ts';
import { fitSchema } from '../../src/schema/fit.ts';
import { reportSchema } from '../../src/schema/report.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

const CONTEXT = ['context', 'nano:Q2_K', '--sizes', '128', '--cache-types', 'f16,q8_0', '--no-accuracy'];
const FIT = ['fit', 'nano', '--device', 'galaxy-s23,iphone-13-pro', '--json'];

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(scratch.path(name), 'utf8'));
const write = (name: string, value: object) => writeFile(scratch.path(name), JSON.stringify(value));
const report = (name: string, before: string, ...args: string[]) =>
  quantscope(['report', scratch.path(name), '--baseline', scratch.path(before), '-q', ...args]);

async function changesIn(name: string, before: string) {
  const { stdout, stderr, exitCode } = await report(name, before, '--format', 'json');
  expect(exitCode, stderr).toBe(0);
  const { changes } = reportSchema.parse(JSON.parse(stdout));
  expect(changes).toHaveLength(1);
  return changes[0]?.comparison ?? expect.fail('nothing was compared');
}

beforeAll(async () => {
  scratch = await scratchFolder();
  const engine = ['-t', '1', '--gpu', 'off', '-q'];
  for (const name of ['context.json', 'context-again.json']) {
    const { exitCode, stderr } = await quantscope([...CONTEXT, ...engine, '--out', scratch.path(name)]);
    expect(exitCode, stderr).toBe(0);
  }
  for (const [name, context] of [
    ['fit.json', '512'],
    ['fit-longer.json', '1024'],
  ] as const) {
    await writeFile(scratch.path(name), (await quantscope([...FIT, '--context', context])).stdout);
  }
});
afterAll(() => scratch[Symbol.asyncDispose]());

describe('a report of context against an earlier one', () => {
  it('finds no memory changed in a second run, and what was planted in one', async () => {
    const same = await changesIn('context-again.json', 'context.json');
    const memory = same.changes.filter(({ figure }) => /estimated|kvBytes|computeBytes/.test(figure));
    expect(memory).toHaveLength(6);
    expect(memory.filter(({ verdict }) => verdict !== 'within noise')).toEqual([]);
    const now = contextSchema.parse(await read('context-again.json'));
    const rows = now.rows.map((row) => {
      const { estimated } = row;
      if (!('totalBytes' in estimated)) throw new Error(estimated.reason);
      return { ...row, estimated: { ...estimated, totalBytes: estimated.totalBytes * 2 } };
    });
    await write('context-worse.json', { ...now, rows });
    const worse = await changesIn('context-worse.json', 'context.json');
    const found = worse.changes.filter(({ verdict }) => verdict === 'worse').map(({ figure }) => figure);
    expect(found).toEqual(['estimated.totalBytes', 'estimated.totalBytes']);
    const gated = await report('context-worse.json', 'context.json', '--fail-if', 'any.contextSize > 64');
    expect(gated.exitCode).toBe(1);
  });

  it('says which setting is another, and judges nothing by it', async () => {
    const now = contextSchema.parse(await read('context-again.json'));
    await write('context-batch.json', { ...now, settings: { ...now.settings, batchSize: 64 } });
    const { changes, notes } = await changesIn('context-batch.json', 'context.json');
    expect(notes.join(' ')).toContain('batchSize 512 there, 64 here');
    expect(new Set(changes.map(({ verdict }) => verdict))).toEqual(new Set(['unknown']));
  });

  it('has a title, a verdict, rows and what changed in every form', async () => {
    for (const format of ['table', 'md']) {
      const { stdout } = await report('context-again.json', 'context.json', '--format', format);
      expect(stdout).toContain('Nano Phi-3 Q2_K');
      expect(stdout).toMatch(/Since 20\d\d-/);
      expect(stdout).not.toMatch(/^### $|No test has a speed/m);
    }
    const { stdout } = await report('context-again.json', 'context.json', '--format', 'csv');
    const [head = '', ...rows] = stdout.trim().split(/\r?\n/);
    expect(head).toContain('context.measured.kvBytes');
    expect(rows).toHaveLength(2);
    const page = scratch.path('context.html');
    expect((await report('context-again.json', 'context.json', '--html', page)).exitCode).toBe(0);
    const html = await readFile(page, 'utf8');
    expect(html).toMatch(/<title>[^<]*Nano Phi-3/);
    expect(html).toContain('the KV cache');
    expect(html).not.toContain('No test has a speed');
  });
});

describe('a report of fit against an earlier one', () => {
  it('finds nothing changed in the same, and a variant that needs more memory', async () => {
    const same = await changesIn('fit.json', 'fit.json');
    expect(same.changes.length).toBeGreaterThan(0);
    expect(same.changes.filter(({ verdict }) => verdict === 'worse' || verdict === 'better')).toEqual([]);
    const now = fitSchema.parse(await read('fit.json'));
    const devices = now.devices.map((device) => ({
      ...device,
      variants: device.variants
        .filter(({ name }) => name !== 'F16')
        .map((variant) => {
          const totalBytes = variant.memory.totalBytes * (variant.name === 'Q2_K' ? 3 : 1);
          return { ...variant, memory: { ...variant.memory, totalBytes } };
        }),
    }));
    await write('fit-worse.json', { ...now, devices });
    const worse = await changesIn('fit-worse.json', 'fit.json');
    const found = worse.changes.filter(({ verdict }) => verdict === 'worse');
    expect([...new Set(found.map(({ variant }) => variant))]).toEqual([
      'galaxy-s23 Q2_K',
      'iphone-13-pro Q2_K',
    ]);
    expect(worse.removed).toEqual(['galaxy-s23 F16', 'iphone-13-pro F16']);
    const gated = await report('fit-worse.json', 'fit.json', '--fail-if', 'any.memory.totalBytes > 1TB');
    expect([gated.exitCode, gated.stdout + gated.stderr]).toEqual([1, expect.stringContaining('F16')]);
  });

  it('takes another context for no change of the files', async () => {
    const { changes, notes } = await changesIn('fit-longer.json', 'fit.json');
    expect(notes.join(' ')).toContain('contextSize 512 there, 1024 here');
    expect(new Set(changes.map(({ verdict }) => verdict))).toEqual(new Set(['unknown']));
  });

  it('has a title, a verdict, rows and what changed in every form', async () => {
    for (const format of ['table', 'md']) {
      const { stdout } = await report('fit.json', 'fit.json', '--format', format);
      expect(stdout).toContain('Samsung Galaxy S23');
      expect(stdout).toContain('Since the baseline');
      expect(stdout).not.toMatch(/^### $|No test has a speed/m);
    }
    const { stdout } = await report('fit.json', 'fit.json', '--format', 'csv');
    const [head = '', ...rows] = stdout.trim().split(/\r?\n/);
    expect(head).toContain('fit.memory.totalBytes');
    expect(rows).toHaveLength(8);
    const page = scratch.path('fit.html');
    expect((await report('fit.json', 'fit.json', '--html', page)).exitCode).toBe(0);
    expect(await readFile(page, 'utf8')).toMatch(/8 of 8 pairs of phone and variant fit/);
  });
});
