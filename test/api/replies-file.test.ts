import { rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readResults } from '../../src/api/comparison/previous-results.ts';
import { resultsFiles } from '../../src/measure/replies-beside.ts';
import { summarizeTasks } from '../../src/measure/tasks.ts';
import { type Results, resultsSchema } from '../../src/schema/results.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { faultsBy } from '../helpers/published-schema.ts';
import { nanoResults } from '../helpers/results.ts';

/** As of a thousand questions, with replies of the length given. */
function answered(replyBytes: number): Results {
  const results = nanoResults();
  const questions = Array.from({ length: 1000 }, (_, at) => ({
    task: 'qa',
    prompt: `Question ${at}?`,
    answers: ['yes'],
    rule: 'contains',
  }));
  const variants = results.variants.map((variant) => {
    const judged = questions.map((_, at) => ({
      correct: at > 0,
      reply: `${variant.name} ${'y'.repeat(replyBytes)}`,
    }));
    return { ...variant, tasks: summarizeTasks(questions, judged, null) };
  });
  return resultsSchema.parse({ ...results, variants, questions: { tasks: questions } });
}

function conforms(schema: string, value: unknown): void {
  expect(faultsBy(schema, value)).toBeNull();
}

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  scratch = await scratchFolder();
});
afterAll(() => scratch[Symbol.asyncDispose]());

describe('results of a thousand questions', () => {
  it('hold the replies as long as they stay small', () => {
    const files = resultsFiles('r.json', answered(50));
    expect(files.map(({ path }) => path)).toEqual(['r.json']);
    expect(Buffer.byteLength(files[0]?.text ?? '')).toBeLessThan(5_000_000);
  });

  it('stay below 5 MB with long replies, which lie beside them and are read with them', async () => {
    const results = answered(2000);
    const files = resultsFiles(scratch.path('r.json'), results);
    expect(files.map(({ path }) => path)).toEqual([scratch.path('r.json.replies'), scratch.path('r.json')]);
    expect(Buffer.byteLength(files[1]?.text ?? '')).toBeLessThan(1_000_000);
    conforms('replies', JSON.parse(files[0]?.text ?? ''));
    for (const { path, text } of files) await writeFile(path, text);
    expect(await readResults(scratch.path('r.json'))).toEqual(results);
    const asked = ['report', scratch.path('r.json'), '--tasks', 'failed'];
    expect((await quantscope(asked)).stdout).toMatch(/✗ Q2_K +Q2_K\n +y{20}/);

    await writeFile(scratch.path('r.json.replies'), `${files[0]?.text} `);
    const [reason] = (await readResults(scratch.path('r.json'))).warnings.slice(-1);
    expect(reason).toBe('the replies are not shown: r.json.replies: it was changed, or is of another run');
    await rm(scratch.path('r.json.replies'));
    const without = await quantscope(asked);
    expect(without.exitCode).toBe(0);
    expect(without.stdout).toContain('no reply was kept');
    expect((await quantscope(['report', scratch.path('r.json')])).stdout).toMatch(
      /replies\s+are\s+not\s+shown/,
    );
  });

  it.each(['../r.replies', '/etc/r.replies', 'r.json', 'a\\r.replies'])('name no other file: %s', (file) => {
    const beside = { ...nanoResults(), repliesBeside: { file, sha256: 'a'.repeat(64) } };
    expect(resultsSchema.safeParse(beside).success).toBe(false);
  });
});
