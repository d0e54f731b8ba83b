import { readFile, writeFile } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { requireMemory } from '../../src/api/run/context-size.ts';
import { readHeader } from '../../src/gguf/index.ts';
import { openFile } from '../../src/io/index.ts';
import { runSchema } from '../../src/schema/run.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';
import { HAS_SCRIPT, onTerminal } from '../helpers/terminal.ts';

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

describe('a context that was asked for', () => {
  it('is warned of beyond the trained length, and used', async () => {
    const ask = ['run', 'nano:Q2_K', 'hi', '-n', '2', ...ENGINE, '--json'];
    const { stdout, stderr, exitCode } = await quantscope([...ask, '--context', '2048']);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(
      /^warning: a context of 2,048 tokens is beyond the 512 that the model was trained/,
    );
    expect(runSchema.parse(JSON.parse(stdout)).settings.contextSize).toBe(2048);
    expect((await quantscope([...ask, '--context', '512'])).stderr).toBe('');
  });

  it('is refused beyond the memory that is free, with a context that fits', async () => {
    const ask = ['run', 'nano:Q2_K', 'hi', '-n', '2', ...ENGINE];
    const refused = await quantscope([...ask, '--context', '4000000000']);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toMatch(
      /^error: a context of 4,000,000,000 tokens would take about [\d.]+ GiB with the model, and .* are free\nhint: Give --context 512\.\n$/,
    );
    expect((await quantscope([...ask, '--context', '512'])).exitCode).toBe(0);
  });

  it('has remedies that fit: a smaller context, or a smaller type of its cache', async () => {
    await using file = await openFile(nanoPath('Q2_K'));
    const header = await readHeader(file);
    const asked = { contextSize: 400_000, cacheType: 'f16', freeBytes: 1.6 * 2 ** 30 } as const;
    const refusal = (changed: Partial<Parameters<typeof requireMemory>[1]>): string => {
      try {
        requireMemory(header, { ...asked, ...changed });
        return 'fits';
      } catch (thrown) {
        return String((thrown as { hint?: string }).hint);
      }
    };
    const [, size, type] = /^Give --context (\d+) or --cache-type (\S+)\.$/.exec(refusal({})) ?? [];
    expect(refusal({ contextSize: Number(size) })).toBe('fits');
    expect(refusal({ cacheType: type as 'q8_0' })).toBe('fits');
    expect(refusal({ freeBytes: 2 ** 28 })).toMatch(/weights alone are too large/);
  });
});

describe('a model without a chat template', () => {
  it('says that it goes on with the text, but not where that was asked for', async () => {
    await using folder = await scratchFolder();
    const model = folder.path('base.gguf');
    const content = await readFile(nanoPath('Q2_K'));
    // The same length under another name: no reader finds a template in it.
    content.write('tokenizer.chat_templatf', content.indexOf('tokenizer.chat_template'));
    await writeFile(model, content);
    const ask = ['run', model, 'Once upon', '-n', '2', ...ENGINE];
    const { stderr, exitCode } = await quantscope(ask);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^note: .*base\.gguf has no chat template: it goes on with the text/);
    expect((await quantscope([...ask, '--raw'])).stderr).not.toContain('no chat template');
  });
});

describe.skipIf(!HAS_SCRIPT)('what is typed while a reply comes (needs util-linux’s script)', () => {
  it('is not shown in the reply; whole lines are asked next, half a line waits at the prompt', async () => {
    await using folder = await scratchFolder();
    const kept = folder.path('chat.json');
    // Long replies of tokens that are drawn nearly evenly: the end is as unlikely as any other.
    const drawn = ['--temperature', '9', '--top-k', '0', '--top-p', '1', '--min-p', '0', '--seed', '1'];
    const { output, exitCode } = await onTerminal(
      ['run', 'nano:Q2_K', ...ENGINE, '--context', '4096', '-n', '500', ...drawn],
      {
        env: { NO_COLOR: '1' },
        types: [
          { after: '> ', keys: 'zzfirst\r' },
          { after: /zzfirst\r+\n[^\r]{20}/, keys: 'zzsecond line\rzzhalf a' },
          { after: '> zzhalf a', keys: ' line\r' },
          { after: /line\r+\n/, keys: `/save ${kept}\r/exit\r` },
        ],
      },
    );
    expect(exitCode, output).toBe(0);
    const { messages } = JSON.parse(await readFile(kept, 'utf8')) as {
      messages: { role: string; content: string }[];
    };
    const asked = messages.filter(({ role }) => role === 'user').map(({ content }) => content);
    expect(asked).toEqual(['zzfirst', 'zzsecond line', 'zzhalf a line']);
    for (const { role, content } of messages) if (role === 'assistant') expect(content).not.toContain('zz');
    for (const line of stripVTControlCharacters(output).split(/[\r\n]+/))
      if (line.includes('zz') && !line.includes('/save')) expect(line).toMatch(/^> zz/);
  });
});
