import { readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { renderContext } from '../../src/report/context.ts';
import { isAvailable, unavailableBecause } from '../../src/schema/availability.ts';
import { type ContextResults, contextSchema } from '../../src/schema/context.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

const SMALL = ['-t', '1', '--gpu', 'off', '-n', '4', '--chunks', '2'];

const schema: object = JSON.parse(
  await readFile(new URL('../../schema/context.json', import.meta.url), 'utf8'),
);
const matchesPublishedSchema = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);

function parsed(text: string): ContextResults {
  const json: unknown = JSON.parse(text);
  expect(matchesPublishedSchema(json), JSON.stringify(matchesPublishedSchema.errors)).toBe(true);
  return contextSchema.parse(json);
}

async function context(args: readonly string[]) {
  await using scratch = await scratchFolder();
  return await quantscope(['context', ...args, '--out', scratch.path('out.json')]);
}

function available<Value>(value: Value) {
  if (!isAvailable(value)) throw new Error(`unavailable: ${JSON.stringify(value)}`);
  return value;
}

describe('context on the embedded F16 model', () => {
  let results: ContextResults;
  beforeAll(async () => {
    const args = ['nano:F16', ...SMALL, '--sizes', '512,256', '--memory', '17MB', '--json', '-q'];
    const { exitCode, stdout, stderr } = await context(args);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    results = parsed(stdout);
  }, 120_000);

  it('has a row for every size and cache type', () => {
    expect(results.rows.map(({ contextSize, cacheType }) => `${contextSize} ${cacheType}`)).toEqual([
      '256 f16',
      '512 f16',
      '256 q8_0',
      '512 q8_0',
      '256 q4_0',
      '512 q4_0',
    ]);
  });

  it('measures the KV cache and the weights that were estimated, to the byte', () => {
    for (const { estimated, measured } of results.rows) {
      const { kvBytes, weightsBytes } = available(estimated);
      // llama.cpp logs MiB with two decimals.
      expect(Math.abs(available(available(measured).kvBytes) - kvBytes)).toBeLessThan(2 * 0.01 * 2 ** 20);
      expect(available(available(measured).weightsBytes)).toBeGreaterThanOrEqual(weightsBytes);
    }
  });

  it('knows a token’s bytes: 4 layers × 2 × 256 elements of 2, 34/32 and 18/32 bytes', () => {
    expect(results.cacheTypes.map(({ kvBytesPerToken }) => kvBytesPerToken)).toEqual([4096, 2176, 1152]);
  });

  it('fills the context with prompt and generation', () => {
    for (const { contextSize, prompt, generationAtDepth, flashAttention, cacheType } of results.rows) {
      expect(available(prompt).tokens).toBe(contextSize - 4);
      expect(available(generationAtDepth)).toMatchObject({ depth: contextSize - 4, tokens: 4 });
      expect(available(prompt).meanTps).toBeGreaterThan(0);
      expect(flashAttention).toBe(cacheType === 'f16' ? 'auto' : 'on');
    }
  });

  it('finds a cache of fewer bits costlier, f16 being the reference', () => {
    const [f16, q8, q4] = results.cacheTypes.map(({ accuracy }) => available(accuracy));
    expect(f16).toMatchObject({ perplexityIncrease: 0, meanKld: 0, chunks: 2 });
    expect(q8?.meanKld).toBeGreaterThan(0);
    expect(q8?.meanKld).toBeLessThan(0.01);
    expect(q4?.meanKld).toBeGreaterThan(q8?.meanKld ?? 1);
    expect(q8?.perplexityIncrease).toBeCloseTo((q8?.perplexity ?? 0) / (f16?.perplexity ?? 1) - 1, 10);
  });

  it('says which sizes are within the budget and recommends the largest', () => {
    const { cacheTypes, recommendation, rows } = results;
    for (const { fits, estimated } of rows) expect(fits).toBe(available(estimated).totalBytes <= 17e6);
    expect(cacheTypes.map(({ largest }) => available(largest).contextSize)).toEqual([256, 512, 512]);
    expect(available(recommendation)).toMatchObject({ contextSize: 512, cacheType: 'q8_0' });
    expect(available(recommendation).sentence).toContain('where f16 holds 256 tokens, at a cost of');
  });

  it('has a table of full contexts by depth and type, with the places of the facts that are not known', () => {
    const facts = [true, false, true, false].map((found, place) => ({ at: place / 4, found }));
    const measured = (meanKld: number) => ({
      ...{ positions: 256, perplexity: 27, perplexityIncrease: 0.01, meanKld, stderrKld: 0.0002, maxKld: 1 },
      sameTop: 0.95,
      needles: { found: 2, total: 4, pValue: 1, facts },
    });
    const text = renderContext({
      ...results,
      depths: [
        { depth: 16_384, cacheType: 'f16', measured: measured(0) },
        { depth: 16_384, cacheType: 'q4_0', measured: measured(0.03) },
        { depth: 32_768, cacheType: 'f16', measured: unavailableBecause('too little memory') },
      ],
    });
    expect(text).toMatch(/When full +perplexity +mean KLD +same top +hidden facts +not known/);
    expect(text).toMatch(/16,384 q4_0 +27\.0000 +0\.03000 ± 0\.00020 +95\.00 +2 of 4 +25, 75/);
    expect(text).toContain('Not measured: loss with 32,768 f16 full: too little memory.');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});

describe('context', () => {
  it('prints a table within 100 columns and tells of each row on stderr', async () => {
    const { exitCode, stdout, stderr } = await context(['nano:Q2_K', ...SMALL, '--cache-types', 'f16,q8_0']);
    expect(exitCode).toBe(0);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(stdout).toContain('512 f16');
    expect(stdout).toContain('Use 512 tokens, all that the model was trained for, with an f16 cache');
    expect(stderr).toMatch(
      /^512 tokens, f16: done\n(?:.*\n)*512 tokens, q8_0: done\n(?:.*\n)*Results are in /m,
    );
  });

  it('recommends only f16 where no accuracy was measured, and nothing where nothing fits', async () => {
    const args = [...SMALL, '--no-accuracy', '--sizes', '256', '--cache-types', 'f16,q8_0', '--json', '-q'];
    const enough = parsed((await context(['nano:Q2_K', ...args])).stdout);
    expect(available(enough.recommendation).cacheType).toBe('f16');
    expect(enough.settings.evaluation).toBeNull();
    const { exitCode, stdout } = await context(['nano:Q2_K', ...args, '--memory', '1MB']);
    expect(exitCode).toBe(0);
    const none = parsed(stdout);
    expect(isAvailable(none.recommendation)).toBe(false);
    expect(none.rows.map(({ fits }) => fits)).toEqual([false, false]);
    expect(none.recommendation).toMatchObject({ reason: expect.stringContaining('even 256 tokens take') });
  });

  it.each([
    [['--sizes', '256,1024'], 'more than the 512 that the model was trained for'],
    [['--depths', '512'], 'a depth of 512 tokens has no room for text, facts and questions, need 1,024'],
    [['--depths', '2048'], 'Give --depths up to 512'],
    [['--sizes', '8'], 'whole numbers from 16'],
    [['--cache-types', 'f16,q3'], '"q3" is none of'],
    [['--memory', '3'], 'such as 3GB'],
    [['--memory', '0GB'], 'such as 3GB'],
    [['--text', 'no-such.txt'], 'no-such.txt'],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { exitCode, stdout, stderr } = await quantscope(['context', 'nano:Q2_K', ...SMALL, ...args]);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  it('refuses several models and files that are none', async () => {
    const several = await quantscope(['context', 'nano']);
    expect(several.exitCode).toBe(2);
    expect(several.stderr).toContain('nano stands for 4 models, context takes one');
    expect(several.stderr).toContain('hint: Name one of them: quantscope context nano:');
    const none = await quantscope(['context', nanoPath('text')]);
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toContain('text.txt');
  });

  it('keeps the sizes that ended when it is stopped', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('out.json');
    let sent = false;
    const { exitCode, stdout } = await quantscope(
      ['context', 'nano:Q2_K', ...SMALL, '-r', '50', '--out', out],
      {
        onStderr: (text, pid) => {
          if (!text.includes('512 tokens, f16: done') || sent) return;
          sent = true;
          process.kill(pid, 'SIGINT');
        },
      },
    );
    expect(exitCode).toBe(130);
    expect(stdout).toBe('');
    const { rows } = parsed(await readFile(out, 'utf8'));
    expect(rows.map(({ cacheType }) => cacheType)).toContain('f16');
    const [first] = rows;
    if (first === undefined) throw new Error('no row');
    expect(available(first.prompt).samplesNs).toHaveLength(50);
  });
});
