import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EngineSession, startEngineProcess } from '../../src/engine/index.ts';
import type { ReplyGrammar, Tool } from '../../src/engine/replies.ts';
import { SchemaGrammar } from '../../src/measure/schema-grammar.ts';
import { calledTools } from '../../src/measure/tool-call-text.ts';
import { parseTools } from '../../src/measure/tool-file.ts';
import { formOf, grammarFor, TAGGED_JSON } from '../../src/measure/tool-forms.ts';
import { tellingOf, toolInstructions } from '../../src/measure/tool-prompt.ts';
import { nanoPath } from '../helpers/nano.ts';

const LIGHT: Tool = {
  name: 'set_light',
  description: 'Switches a light.',
  parameters: {
    type: 'object',
    properties: {
      room: { enum: ['hall', 'attic'] },
      on: { type: 'boolean' },
      scene: { type: 'object', properties: { warm: { type: 'boolean' }, level: { const: 3 } } },
    },
    required: ['room', 'on'],
  },
};

let session: EngineSession;
let prompt: Uint32Array;
beforeAll(async () => {
  session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 120_000 });
  const { bosToken } = await session.loadModel({ path: nanoPath('Q8_0'), gpuLayers: 0 });
  const types = { keyType: 'f16', valueType: 'f16' } as const;
  const options = { contextSize: 512, sequences: 2, batchSize: 64, threads: 1, ...types };
  await session.openContext({ ...options, flashAttention: 'auto' });
  prompt = Uint32Array.of(bosToken ?? 0, ...(await session.tokenize('Once upon a time', true)));
});
afterAll(() => session[Symbol.asyncDispose]());

async function replies(...grammars: (ReplyGrammar | undefined)[]) {
  const completions = await session.complete(
    grammars.map((grammar) => ({ prompt, maxTokens: 400, ...(grammar && { grammar }) })),
  );
  return completions.map(({ text, stop }) => ({ text, stop }));
}

describe('a reply under a grammar', () => {
  it('is free until the trigger and then what the grammar allows, beside one without', async () => {
    const grammar = grammarFor({ ...TAGGED_JSON, grammar: TAGGED_JSON.grammar }, [LIGHT]);
    if (grammar === null) throw new Error('no grammar');
    // The first token whatever it is: the model itself would never begin a call.
    const [constrained, free] = await replies({ ...grammar, trigger: '[\\s\\S]+' }, undefined);
    expect(free?.text).not.toContain('set_light');
    const first = (constrained?.text ?? '').split('{')[0] ?? '';
    expect(free?.text.trim().startsWith(first.trim())).toBe(true);
    const { calls, isMalformed } = calledTools(`<tool_call>${constrained?.text.slice(first.length)}`);
    expect(isMalformed, constrained?.text).toBe(false);
    expect(calls[0]).toMatchObject({
      name: 'set_light',
      arguments: { room: expect.stringMatching(/^(?:hall|attic)$/), on: expect.any(Boolean) },
    });
  });

  it('goes on freely where the text behind the trigger is nothing that the grammar knows', async () => {
    const gbnf = 'root ::= "zzz"\n';
    const [constrained, free] = await replies({ gbnf, trigger: '^(?=[\\s\\S])' }, undefined);
    expect(constrained).toEqual(free);
  });

  it('ends with the grammar', async () => {
    const [constrained] = await replies({ gbnf: 'root ::= "a" "b"? "c"\n', trigger: '[\\s\\S]+' });
    expect(constrained?.text).toMatch(/ab?c$/);
    expect(constrained?.stop).toBe('end');
  });

  it('fails with its reason where llama.cpp cannot read the grammar', async () => {
    await expect(replies({ gbnf: 'root ::= nowhere\n', trigger: '[\\s\\S]+' })).rejects.toThrow(
      /cannot read the grammar/,
    );
  });
});

describe('the grammar of a form', () => {
  const content = readFileSync(new URL('../../fixtures/general/tools.jsonl', import.meta.url), 'utf8');
  const tools = new Map(
    parseTools(content, 'tools.jsonl').flatMap((item) => item.tools.map((tool) => [tool.name, tool])),
  );

  it.each([
    ['[TOOL_CALLS] [ARGS]', /^\w+\[ARGS\]\s*\{/],
    ['[TOOL_CALLS]', /^\s*\[\s*\{\s*"name"/],
    ['<function=', /^\w+>\s*\{/],
    ['<tool_call>', /^\s*\{\s*"name"/],
    ['<|python_tag|>', /^\{\s*"name"/],
    ['plain', /^(?:\[\s*)?\{\s*"name"/],
  ])('that %j marks is one to llama.cpp, with all tools that ship', async (marks, expected) => {
    const grammar = grammarFor(formOf(marks), [...tools.values()]);
    if (grammar === null) throw new Error('no grammar');
    const [free] = await replies(undefined);
    const [constrained] = await replies({ ...grammar, trigger: '[\\s\\S]+' });
    // Both begin with the same free token.
    const first = firstWord(free?.text ?? '');
    expect(constrained?.text.startsWith(first)).toBe(true);
    expect(constrained?.text.slice(first.length)).toMatch(expected);
  });

  it('is none for forms that are not JSON', () => {
    expect(grammarFor(formOf('<function= <parameter='), [LIGHT])).toBeNull();
  });
});

/** The free token of the constrained replies here: nano's first word. */
function firstWord(text: string): string {
  return /^\s*\w+/.exec(text)?.[0] ?? '';
}

describe('the grammar of a JSON schema', () => {
  it.each([
    [{ const: { a: 1 } }, /^\{"a":1\}$/],
    [{ enum: ['x y', '"q"'] }, /^"(?:x y|\\"q\\")"$/],
    [{ anyOf: [{ type: 'null' }, { type: 'boolean' }] }, /^(?:null|true|false)$/],
    [{ type: ['boolean', 'null'] }, /^(?:null|true|false)$/],
    [{ type: 'array', items: { type: 'boolean' }, minItems: 2, maxItems: 2 }, /^\[\s*\w+\s*,\s*\w+\s*\]$/],
    [{ type: 'object', properties: {} }, /^\{\s*\}$/],
    [
      { type: 'object', properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } }, required: ['b'] },
      /"b"\s*:\s*2/,
    ],
  ])('of %j allows only what it says', async (schema, expected) => {
    const grammar = new SchemaGrammar();
    grammar.rule('root', grammar.add('value', schema));
    const [free] = await replies(undefined);
    const [constrained] = await replies({ gbnf: grammar.toString(), trigger: '[\\s\\S]+' });
    const first =
      /^\s*[^\s[{"a-z]*[A-Za-z]*?(?=[[{"]|true|false|null|$)/.exec(constrained?.text ?? '')?.[0] ?? '';
    const value = (constrained?.text ?? '').slice(first.length);
    expect(free?.text).toBeDefined();
    expect(value).toMatch(expected);
    expect(() => JSON.parse(value)).not.toThrow();
  });
});

const CALLS =
  '{% for m in messages %}{% if m.tool_calls %}<tool_call>{{ m.tool_calls[0].function | tojson }}</tool_call>{% endif %}';
/** As Hermes and Qwen write them, short. */
const WITH_TOOLS = `{% if tools %}{% for t in tools %}{{ t | tojson }}\n{% endfor %}{% endif %}${CALLS}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}`;
const WITHOUT_TOOLS = '{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}';
const WITHOUT_SYSTEM = `{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}${WITHOUT_TOOLS}`;

describe('how a model is told of tools', () => {
  const messages = [
    { role: 'user' as const, content: 'Light in the hall?' },
    { role: 'assistant' as const, content: '', calls: [{ name: 'set_light', arguments: { on: true } }] },
    { role: 'tool' as const, content: 'done', tool: 'set_light' },
  ];
  const told = async (template: string | null) => {
    const telling = await tellingOf(session, template);
    const given = telling.told(messages, [LIGHT]);
    return { by: telling.by, text: await session.chatText(given.messages, template, given.tools) };
  };

  it('is by its own chat template, with calls and answers as it writes them', async () => {
    const { by, text } = await told(WITH_TOOLS);
    expect(by).toBe('template');
    expect(formOf(WITH_TOOLS).name).toBe(TAGGED_JSON.name);
    expect(text).toMatch(/^\{"type": ?"function", ?"function": ?\{"name": ?"set_light"/);
    expect(text).toContain('<tool_call>{"name": "set_light", "arguments": {"on": true}}</tool_call>');
    expect(text).toContain('<|tool|>done');
  });

  it('is in words, in the system message, where the template knows of no tools', async () => {
    const { by, text } = await told(WITHOUT_TOOLS);
    expect(by).toBe('words');
    expect(text.startsWith(`<|system|>${toolInstructions([LIGHT])}`)).toBe(true);
    expect(text).toContain(
      '<|assistant|><tool_call>{"name":"set_light","arguments":{"on":true}}</tool_call>',
    );
    expect(text).toContain('<|user|>set_light answered: done');
  });

  it('is before the first question where it takes no system message, or is none at all', async () => {
    const { text } = await told(WITHOUT_SYSTEM);
    expect(text.startsWith(`<|user|>${toolInstructions([LIGHT])}\n\nLight in the hall?`)).toBe(true);
    const without = await told(null);
    expect(without.by).toBe('words');
    expect(without.text.startsWith(`${toolInstructions([LIGHT])}\n\nLight in the hall?`)).toBe(true);
    expect(without.text.trimEnd().endsWith('set_light answered: done')).toBe(true);
  });
});
