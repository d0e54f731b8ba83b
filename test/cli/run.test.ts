import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { runSchema } from '../../src/schema/run.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

const ENGINE = ['-t', '1', '--gpu', 'off'];

async function traced(args: readonly string[]) {
  const { stdout, stderr, exitCode } = await quantscope(['run', ...args, ...ENGINE, '--json']);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return runSchema.parse(JSON.parse(stdout));
}

describe('run', () => {
  it('streams the greedy reply to stdout and its timings to stderr', async () => {
    const { stdout, stderr, exitCode } = await quantscope([
      'run',
      'nano:F16',
      'What is 3 plus 4?',
      '--greedy',
      ...ENGINE,
    ]);
    expect(exitCode).toBe(0);
    expect(stdout.trim()).not.toBe('');
    expect(stderr).toMatch(/^prompt 13 tokens in \d.*tokens\/s; reply \d+ tokens? in .*tokens\/s\n$/);
    const { reply } = await traced(['nano:F16', 'What is 3 plus 4?', '--greedy']);
    expect(stdout).toBe(`${reply.text}\n`);
  });

  it('prints JSON by its schema, with llama.rn’s timings', async () => {
    const { timings, reply, settings, trace } = await traced([
      'nano:Q4_K_M',
      'Name a fruit.',
      '-n',
      '4',
      '--seed',
      '3',
    ]);
    expect(settings).toMatchObject({ maxTokens: 4, seed: 3, temperature: 0.8, contextSize: 512, threads: 1 });
    expect(timings.predicted_n).toBe(reply.tokens.length);
    expect(timings.cache_n).toBe(0);
    expect(timings.prompt_per_second).toBeCloseTo((timings.prompt_n * 1000) / timings.prompt_ms, 6);
    expect(timings.predicted_per_token_ms).toBeCloseTo(timings.predicted_ms / timings.predicted_n, 6);
    expect(trace).toBeUndefined();
  });

  it('says the same again with the same seed', async () => {
    const ask = ['nano:Q4_K_M', 'Tell me about the sea.', '--seed', '11', '--temperature', '1.3'];
    expect((await traced(ask)).reply).toEqual((await traced(ask)).reply);
  });

  it('traces the prompt’s tokens and each step with its candidates', async () => {
    const { trace, reply } = await traced([
      'nano:Q8_0',
      'What is 3 plus 4?',
      '--greedy',
      '--trace',
      '--candidates',
      '3',
    ]);
    expect(trace?.prompt.map(({ text }) => text).join('')).toContain('What is 3 plus 4?');
    expect(trace?.prompt[0]).toMatchObject({ id: 1, text: '<s>' });
    expect(trace?.steps.map(({ id }) => id)).toEqual(reply.tokens);
    for (const { id, candidates } of trace?.steps ?? []) {
      expect(candidates).toHaveLength(3);
      expect(candidates[0]?.id).toBe(id);
    }
  });

  it('prints the trace as a page whose reply is the reply', async () => {
    const { stdout } = await quantscope([
      'run',
      'nano:Q8_0',
      'What is 3 plus 4?',
      '--greedy',
      '--trace',
      ...ENGINE,
    ]);
    const { reply } = await traced(['nano:Q8_0', 'What is 3 plus 4?', '--greedy']);
    expect(stdout).toMatch(/^Load .*\nTokenization +13 tokens in /);
    expect(stdout).toContain(`Reply          ${reply.text}`);
    for (const word of ['Generation', 'Time', 'evaluation', 'sampling', 'detokenization']) {
      expect(stdout).toContain(word);
    }
  });

  it('gives a raw text to the model as it is', async () => {
    const { trace, chatTemplate } = await traced(['nano:Q8_0', 'Once upon', '--raw', '-n', '2', '--trace']);
    expect(chatTemplate).toBe(false);
    expect(trace?.prompt.map(({ text }) => text).join('')).toBe('<s>Once upon');
  });

  it('puts the system message and a template of one’s own before the model', async () => {
    await using folder = await scratchFolder();
    const template = folder.path('template.jinja');
    await writeFile(template, '{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}');
    const { trace } = await traced([
      'nano:Q8_0',
      'hello',
      '--system',
      'be kind',
      '--template',
      template,
      '-n',
      '1',
      '--trace',
    ]);
    expect(trace?.prompt.map(({ text }) => text).join('')).toBe('<s>[system]be kind[user]hello');
  });

  it.each([
    // A stand-in: it would end by itself, a minute later.
    [
      'time',
      '{% for a in range(3000) %}{% for b in range(30000) %}{% endfor %}{% endfor %}',
      /3000 ms of processor/,
    ],
    [
      'memory',
      "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
      /cannot be rendered/,
    ],
  ])('ends a template that takes too much %s, with one clear error', async (_, text, message) => {
    await using folder = await scratchFolder();
    const template = folder.path('template.jinja');
    await writeFile(template, text);
    const { stderr, exitCode } = await quantscope([
      'run',
      'nano:Q2_K',
      'hi',
      '--template',
      template,
      ...ENGINE,
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(2);
  });

  it.each([
    [['nano', 'hi'], /nano stands for 4 models, run takes one/],
    [['no-such-file.gguf', 'hi'], /no such file/],
    [['nano:Q8_0', 'hi', '--template', 'missing.jinja'], /missing\.jinja cannot be read/],
    [['nano:Q8_0'], /there is no prompt/],
    [['nano:Q8_0', 'hi', '--top-p', '7'], /Give a share from 0 to 1/],
    [['nano:Q8_0', 'long '.repeat(300), '--context', '64'], /does not fit a context of 64/],
  ])('says in one line what is wrong (%#)', async (args, message) => {
    const { stdout, stderr, exitCode } = await quantscope(['run', ...args, ...ENGINE]);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
