import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { mergeShards, type ShardFile } from '../../src/measure/shard-merge.ts';
import { isAvailable, type Unavailable } from '../../src/schema/availability.ts';
import { resultsSchema } from '../../src/schema/results.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { realModel, withoutRealModels } from '../helpers/real-models.ts';

const LAMP = {
  tool: {
    name: 'lamp',
    description: 'Lamp.',
    parameters: { type: 'object', properties: { on: { type: 'boolean' } }, required: ['on'] },
  },
};
const asked = (task: string, prompt: string, more: object) => ({ task, tools: ['lamp'], prompt, ...more });
/** Short, since the embedded family reads 512 tokens; it calls nothing, so that it is right where none is wanted. */
const ITEMS = [
  LAMP,
  asked('one tool', 'Lamp on.', { calls: [{ name: 'lamp', arguments: { on: true } }], maxTokens: 8 }),
  asked('none fitting', 'Hello.', { calls: [], maxTokens: 8 }),
  asked('none fitting', 'Hi.', { calls: [], answer: 'zebra', maxTokens: 8 }),
];
const linesOf = (items: readonly object[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');
const QUICKLY = ['-t', '1', '--gpu', 'off', '--quiet', '--json'];

function taken<Figure>(figure: Figure | Unavailable | undefined): Exclude<Figure, Unavailable> {
  if (figure === undefined || !isAvailable(figure)) throw new Error(JSON.stringify(figure));
  return figure as Exclude<Figure, Unavailable>;
}

describe('eval --tools', () => {
  it('counts calls freely and under a grammar, with flips, and shows the replies everywhere', async () => {
    await using scratch = await scratchFolder();
    const [file, out] = [scratch.path('calls.jsonl'), scratch.path('out.json')];
    await writeFile(file, linesOf(ITEMS));
    const args = ['nano:F16', 'nano:Q2_K', '--only', 'tools', '--tools', file, '--grammar'];
    const { stdout, exitCode } = await quantscope(['eval', ...args, ...QUICKLY, '--out', out]);
    expect(exitCode).toBe(0);
    const results = resultsSchema.parse(JSON.parse(stdout));
    expect(results.settings.evaluation).toMatchObject({ parts: ['tools'], toolItems: 3, grammar: true });
    expect(results.questions?.tools?.map(({ rule, answers }) => [rule, ...answers])).toEqual([
      ['calls', 'lamp({"on":true})'],
      ['calls', 'nothing'],
      ['calls nothing, says', 'zebra'],
    ]);
    for (const { name, tools, toolsWithGrammar, toolTelling, tasks } of results.variants) {
      expect(toolTelling).toEqual({ by: 'words', form: '<tool_call>{JSON}</tool_call>' });
      expect(isAvailable(tasks)).toBe(false);
      for (const figure of [taken(tools), taken(toolsWithGrammar)]) {
        expect(figure).toMatchObject({ correct: 1, total: 3, outcomes: [false, true, false] });
        expect(figure.measures).toMatchObject({
          parsable: { 'one tool': { correct: 0, total: 1 } },
          'right tool': { 'one tool': { correct: 0 }, 'none fitting': { correct: 2, total: 2 } },
          'right arguments': { 'one tool': { correct: 0, total: 1 } },
        });
        expect(isAvailable(figure.flips)).toBe(name === 'Q2_K');
      }
      expect(taken(taken(results.variants[1]?.tools).flips)).toMatchObject({ count: 0, pValue: 1 });
    }

    const failed = await quantscope(['report', out, '--tasks', 'failed']);
    expect(failed.stdout).toMatch(/Tool call 1, one tool\n\s+asked {2,}user: Lamp on\. ⏎ Tools: lamp/);
    expect(failed.stdout).toContain('Tool call 3, none fitting, under the grammar');
    const markdown = await quantscope(['report', out, '--format', 'md']);
    expect(markdown.stdout).toContain('| Tool calls under a grammar | right % | flips n |');
    expect(markdown.stdout).toContain('knows of no tools');
    const table = await quantscope(['report', out, '--format', 'table']);
    expect(table.stdout).toMatch(/Tool calls right, by kind {2}one tool {2}none fitting/);
    const page = scratch.path('page.html');
    await quantscope(['report', out, '--html', page]);
    const html = await readFile(page, 'utf8');
    expect(html).toContain('<caption>Tool calls</caption>');
    expect(html).toContain('Tool call 1, one tool: user: Lamp on.');
  });

  it('is the same in shards', async () => {
    await using scratch = await scratchFolder();
    const file = scratch.path('calls.jsonl');
    await writeFile(
      file,
      linesOf(
        Array.from({ length: 7 }, () => ITEMS.slice(1))
          .flat()
          .toSpliced(0, 0, LAMP),
      ),
    );
    const args = ['eval', 'nano:F16', 'nano:Q2_K', '--only', 'tools', '--tools', file, ...QUICKLY];
    const run = async (name: string, ...more: string[]): Promise<ShardFile> => {
      const { stdout } = await quantscope([...args, ...more, '--out', scratch.path(name)]);
      return { name, results: resultsSchema.parse(JSON.parse(stdout)) };
    };
    const whole = await run('whole.json');
    const merged = mergeShards([
      await run('1.json', '--shard', '1/2'),
      await run('2.json', '--shard', '2/2'),
    ]);
    for (const [index, { tools, toolTelling }] of merged.variants.entries()) {
      expect(tools).toEqual(whole.results.variants[index]?.tools);
      expect(toolTelling).toEqual(whole.results.variants[index]?.toolTelling);
    }
  });

  it('refuses a wrong file, and a kept reference that was asked otherwise, before anything is measured', async () => {
    await using scratch = await scratchFolder();
    const [file, kept] = [scratch.path('calls.jsonl'), scratch.path('f16.qsref')];
    await writeFile(file, linesOf(ITEMS.slice(1)));
    const refused = await quantscope(['eval', 'nano:Q2_K', '--tools', file, ...QUICKLY]);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(/line 1, field "tools": no line before this one describes "lamp"/);
    const long = await quantscope(['eval', 'nano:Q2_K', '--only', 'tools', ...QUICKLY, '--out', kept]);
    expect(long.exitCode).toBe(1);
    expect(long.stdout).toMatch(
      /tool call \d+: its tools and messages are \d+ tokens, and the model was trained for 512/,
    );
    const text = ['--only', 'text', '--chunks', '2', ...QUICKLY];
    await quantscope([
      'eval',
      'nano:F16',
      ...text,
      '--save-reference',
      kept,
      '--out',
      scratch.path('r.json'),
    ]);
    await writeFile(file, linesOf(ITEMS));
    const other = await quantscope(['eval', 'nano:Q2_K', '--reference', kept, '--tools', file, ...QUICKLY]);
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toMatch(/was asked for no tool calls/);
  });

  it.skipIf(withoutRealModels)(`asks a real model for calls [${withoutRealModels ?? ''}]`, async () => {
    await using scratch = await scratchFolder();
    const [file, out] = [scratch.path('calls.jsonl'), scratch.path('out.json')];
    await writeFile(
      file,
      linesOf(ITEMS.slice(0, 2).map((item) => ({ ...item, ...('task' in item ? { maxTokens: 40 } : {}) }))),
    );
    const args = [realModel('smollm2'), '--only', 'tools', '--tools', file, '--grammar'];
    const { stdout, exitCode } = await quantscope(['eval', ...args, ...QUICKLY, '--out', out]);
    expect(exitCode).toBe(0);
    const [row] = resultsSchema.parse(JSON.parse(stdout)).variants;
    const [free, constrained] = [taken(row?.tools), taken(row?.toolsWithGrammar)];
    // What begins as a call is one under the grammar, unless it is cut off.
    const [reply = ''] = constrained.replies ?? [];
    if (reply.includes('</tool_call>'))
      expect(constrained.measures?.['parsable']?.['one tool']?.correct).toBe(1);
    expect(free.replies?.[0]).toBeTruthy();
  });
});
