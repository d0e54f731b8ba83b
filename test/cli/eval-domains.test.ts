import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { mergeShards } from '../../src/measure/shard-merge.ts';
import { type Results, resultsSchema } from '../../src/schema/results.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

const WAY = ['--only', 'text', '--chunks', '2', '-c', '64', '-t', '1', '--gpu', 'off', '--quiet'];

async function evaluated(...args: string[]): Promise<Results> {
  const { stdout, stderr, exitCode } = await quantscope(['eval', ...args, ...WAY, '--json']);
  expect([exitCode, stderr]).toEqual([0, '']);
  return resultsSchema.parse(JSON.parse(stdout));
}

const rowOf = ({ variants }: Results, name: string) => variants.find((variant) => variant.name === name);

describe('eval of several texts', () => {
  it('has a row for each with the figures of that text alone, of a kept reference and in shards too', async () => {
    await using scratch = await scratchFolder();
    const story = await readFile(new URL('../../fixtures/nano/text.txt', import.meta.url), 'utf8');
    const [chat, code] = [scratch.path('chat.txt'), scratch.path('b.txt')];
    await writeFile(chat, story.slice(0, 3000));
    await writeFile(code, story.slice(20_000, 24_000));
    const models = ['nano:F16', 'nano:Q2_K'];
    const texts = ['--text', chat, '--text', `code=${code}`];

    const kept = scratch.path('f16.qsref');
    const both = await evaluated(...models, ...texts, '--save-reference', kept);
    const alone = [await evaluated(...models, '--text', chat), await evaluated(...models, '--text', code)];
    for (const name of ['F16', 'Q2_K']) {
      expect(rowOf(both, name)?.domains).toEqual(
        ['chat', 'code'].map((domain, index) => {
          const { perplexity, divergence } = rowOf(alone[index] ?? both, name) ?? {};
          return { name: domain, perplexity, divergence };
        }),
      );
    }
    expect(rowOf(both, 'Q2_K')?.perplexity).toMatchObject({ chunks: 4 });
    expect(both.settings.evaluation.text).toBe(`chat=${chat}, code=${code}`);

    const later = await evaluated('nano:Q2_K', '--reference', kept);
    expect(rowOf(later, 'Q2_K')?.domains).toEqual(rowOf(both, 'Q2_K')?.domains);

    const shards = [];
    for (const shard of ['1/2', '2/2']) {
      shards.push({ name: shard, results: await evaluated(...models, ...texts, '--shard', shard) });
    }
    const merged = mergeShards(shards);
    for (const name of ['F16', 'Q2_K']) {
      const { domains, perplexity, divergence } = rowOf(both, name) ?? {};
      expect(rowOf(merged, name)).toMatchObject({ domains, perplexity, divergence });
    }

    const file = scratch.path('both.json');
    await writeFile(file, JSON.stringify(both));
    const page = scratch.path('page.html');
    expect((await quantscope(['report', file, '--html', page])).exitCode).toBe(0);
    const written = [await readFile(page, 'utf8')];
    for (const format of ['table', 'md']) {
      written.push((await quantscope(['report', file, '--format', format])).stdout);
    }
    for (const text of written) expect(text).toMatch(/Divergence by text[\s\S]*mean of texts/);
  });

  it('takes the texts that ship', async () => {
    const results = await evaluated('nano:Q2_K', '--text', 'domains');
    expect(rowOf(results, 'Q2_K')?.domains?.map(({ name }) => name)).toEqual([
      'chat',
      'code',
      'de',
      'es',
      'fr',
      'it',
      'ja',
      'pt',
      'zh',
    ]);
    expect(results.settings.evaluation.text).toBe('fixtures/general/domains');
  });

  it('refuses two of one name, and one that is too short, by its name', async () => {
    await using scratch = await scratchFolder();
    const short = scratch.path('a.txt');
    await writeFile(short, 'too short');
    const twice = await quantscope(['eval', 'nano:Q2_K', '--text', short, '--text', `a=${short}`, ...WAY]);
    expect(twice.exitCode).toBe(2);
    expect(twice.stderr).toMatch(/two texts are called a/);
    const refused = await quantscope([
      'eval',
      'nano:Q2_K',
      '--text',
      'domains',
      '--text',
      `mine=${short}`,
      ...WAY,
    ]);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(/mine has 9 bytes, which are fewer tokens than 2 chunks of 64/);
  });
});
