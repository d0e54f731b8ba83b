import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ToolCall } from '../../src/engine/replies.ts';
import { pythonCalls } from '../../src/measure/python-calls.ts';
import { calledTools } from '../../src/measure/tool-call-text.ts';
import { parseTools, type ToolItem } from '../../src/measure/tool-file.ts';
import { formOf } from '../../src/measure/tool-forms.ts';
import { judgeTools } from '../../src/measure/tool-judge.ts';

const OSLO: ToolCall = { name: 'get_weather', arguments: { city: 'Oslo', days: 2 } };
const TIMER: ToolCall = { name: 'set_timer', arguments: { minutes: 5 } };
const json = (call: ToolCall, key = 'arguments') =>
  JSON.stringify({ name: call.name, [key]: call.arguments });
const python = ({ name, arguments: given }: ToolCall) =>
  `${name}(${Object.entries(given).map(([key, value]) => `${key}=${JSON.stringify(value)}`)})`;

/** One call and two, as a family of models writes them. */
const FORMS: Readonly<Record<string, (calls: readonly ToolCall[]) => string>> = {
  Hermes: (calls) => calls.map((call) => `<tool_call>\n${json(call)}\n</tool_call>`).join('\n'),
  'Hermes without an end': (calls) =>
    `Let me see. ${calls.map((call) => `<tool_call>${json(call)}`).join('')}`,
  SmolLM2: (calls) => `<tool_call>[${calls.map((call) => json(call)).join(', ')}]</tool_call>`,
  Qwen3: (calls) =>
    `<think>\n{"name": none}\n</think>\n\n${calls.map((call) => `<tool_call>${json(call)}</tool_call>`).join('')}`,
  'Qwen3-Coder': (calls) =>
    calls
      .map(
        ({ name, arguments: given }) =>
          `<tool_call>\n<function=${name}>\n${Object.entries(given)
            .map(([key, value]) => `<parameter=${key}>\n${value}\n</parameter>`)
            .join('\n')}\n</function>\n</tool_call>`,
      )
      .join('\n'),
  'Llama 3': (calls) => calls.map((call) => json(call, 'parameters')).join('; '),
  'Llama 3 with its tag': (calls) =>
    `<|python_tag|>${calls.map((call) => json(call, 'parameters')).join('; ')}`,
  'Llama 4': (calls) => `[${calls.map(python).join(', ')}]`,
  Mistral: (calls) => `[TOOL_CALLS][${calls.map((call) => json(call)).join(', ')}]`,
  'Mistral 11': (calls) =>
    calls.map((call) => `[TOOL_CALLS]${call.name}[ARGS]${JSON.stringify(call.arguments)}`).join(''),
  Functionary: (calls) =>
    calls.map((call) => `<function=${call.name}>${JSON.stringify(call.arguments)}</function>`).join(''),
  'Functionary 3.2': (calls) =>
    calls.map((call) => `>>>${call.name}\n${JSON.stringify(call.arguments)}\n`).join(''),
  LFM2: (calls) => `<|tool_call_start|>[${calls.map(python).join(', ')}]<|tool_call_end|>Done.`,
  'Phi-4-mini': (calls) => `<|tool_call|>[${calls.map((call) => json(call)).join(',')}]<|/tool_call|>`,
  Firefunction: (calls) => ` functools[${calls.map((call) => json(call)).join(',')}]`,
  OpenAI: (calls) =>
    JSON.stringify({
      tool_calls: calls.map((call) => ({
        type: 'function',
        function: { name: call.name, arguments: JSON.stringify(call.arguments) },
      })),
    }),
  'JSON in a fence': (calls) => `Sure:\n\`\`\`json\n[${calls.map((call) => json(call)).join(',\n')}]\n\`\`\``,
};

describe('calls in a reply', () => {
  it.each(Object.entries(FORMS))('are read as %s writes them', (_, write) => {
    for (const calls of [[OSLO], [OSLO, TIMER]]) {
      const read = calledTools(write(calls));
      expect(read).toMatchObject({ calls, isMalformed: false });
      // What is cut off within its last argument is no call.
      const text = write(calls);
      const cut = calledTools(text.slice(0, text.lastIndexOf(calls.length > 1 ? '5' : '2')));
      expect(cut.calls.length).toBeLessThan(calls.length);
    }
  });

  it.each([
    'It rains in Oslo.',
    '',
    'I would call get_weather(city="Oslo") here.',
    '{"temperature": 4}',
    '```js\nconsole.log(1)\n```',
    'The set {1, 2}',
    '<think>I could use <tool_call>{"name": "get_weather"}</tool_call></think>Rain.',
  ])('are none in %j', (text) => {
    expect(calledTools(text)).toMatchObject({ calls: [], isMalformed: false });
  });

  it.each([
    '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"</tool_call>',
    '<tool_call>get the weather</tool_call>',
    '{"name": "get_weather", "arguments": {city: Oslo}}',
    '[TOOL_CALLS] get_weather',
    '<function=get_weather>{"city": }</function>',
    '{"name": "get_weather", "arguments": ["Oslo"]}',
  ])('are malformed in %j', (text) => {
    expect(calledTools(text)).toMatchObject({ isMalformed: !text.includes('["Oslo"]'), calls: [] });
  });

  it('are read from Python’s literals, and from nothing else', () => {
    expect(pythonCalls(`[f(a='it\\'s', b=[1, -2.5e1], c={"d": None, 'e': True}), g.h()]`)).toEqual([
      { name: 'f', arguments: { a: "it's", b: [1, -25], c: { d: null, e: true } } },
      { name: 'g.h', arguments: {} },
    ]);
    for (const text of ['f(1)', 'f(a=b)', 'f(a=1', '[f(a=1)] or so', 'f', '', '[]', `f(a=${'['.repeat(99)}`])
      expect(pythonCalls(text), text).toBeNull();
  });
});

const WEATHER = {
  tool: {
    name: 'get_weather',
    description: 'Weather.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', default: 1 } },
      required: ['city'],
    },
  },
};
const ITEM = { task: 'one tool', tools: ['get_weather'], prompt: 'Oslo?', calls: [] as unknown[] };
const fileOf = (...lines: unknown[]) => lines.map((line) => JSON.stringify(line)).join('\n');

describe('a file of tool calls', () => {
  it.each([
    [fileOf(WEATHER), /asks for no calls/],
    [fileOf(ITEM), /line 1, field "tools": no line before this one describes "get_weather"/],
    [fileOf(WEATHER, WEATHER), /line 2, field "tool": "get_weather" is there twice/],
    [fileOf(WEATHER, { ...ITEM, calls: [TIMER] }), /field "calls": "set_timer" is none of the tools/],
    [
      fileOf(WEATHER, { ...ITEM, calls: [{ name: 'get_weather', arguments: { city: 3 } }] }),
      /field "calls": get_weather\.city: .*string/,
    ],
    [fileOf(WEATHER, { ...ITEM, calls: [OSLO], answer: 'rain' }), /field "answer": of use only where/],
    [fileOf(WEATHER, { ...ITEM, prompt: undefined }), /either a prompt or messages/],
    [
      fileOf(WEATHER, { ...ITEM, prompt: undefined, messages: [{ role: 'assistant', content: 'Hello.' }] }),
      /expected the last to be of the user or a tool/,
    ],
    [
      fileOf({
        tool: { ...WEATHER.tool, parameters: { type: 'object', properties: { a: { type: 'text' } } } },
      }),
      /field "tool": parameters: /,
    ],
    [fileOf({ tool: { ...WEATHER.tool, parameters: {} } }), /expected a schema with "type": "object"/],
    ['{"tool": ', /line 1: not JSON/],
  ])('is refused by line and field: %j', (content, message) => {
    expect(() => parseTools(content, 'calls.jsonl')).toThrow(message);
  });

  it('are not held to patterns, which a stranger may have written', () => {
    const properties = { code: { type: 'string', pattern: '^[A-Z]$' }, pattern: { type: 'integer' } };
    const tool = {
      tool: { name: 'enter', description: 'Enters.', parameters: { type: 'object', properties } },
    };
    const asked = (given: object) => ({
      task: 'one tool',
      tools: ['enter'],
      prompt: 'Enter it.',
      calls: [{ name: 'enter', arguments: given }],
    });
    const read = (given: object) =>
      parseTools([tool, asked(given)].map((line) => JSON.stringify(line)).join('\n'), 'calls.jsonl');
    expect(read({ code: 'abc', pattern: 1 })).toHaveLength(1);
    expect(() => read({ code: 'A', pattern: 'x' })).toThrow(/enter\.pattern/);
  });
});

const [plain, ...others] = parseTools(
  fileOf(
    WEATHER,
    { tool: { name: 'set_timer', description: 'Timer.', parameters: { type: 'object', properties: {} } } },
    { ...ITEM, calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] },
    { ...ITEM, tools: ['get_weather', 'set_timer'], calls: [OSLO, { name: 'set_timer', arguments: {} }] },
    { ...ITEM, calls: [], answer: ['Paris'] },
  ),
  'calls.jsonl',
);
const [several, none] = others;

function judged(item: ToolItem | undefined, reply: string) {
  if (item === undefined) throw new Error('no item');
  const { correct, measures = {} } = judgeTools(item, reply);
  return [measures['parsable'], measures['right tool'], measures['right arguments'], correct];
}

describe('a reply to what wants calls', () => {
  const call = (given: object, name = 'get_weather') =>
    `<tool_call>${JSON.stringify({ name, arguments: given })}</tool_call>`;

  it('counts as parsable, of the right tool, with the right arguments, each for itself', () => {
    expect(judged(plain, call({ city: 'oslo' }))).toEqual([true, true, true, true]);
    expect(judged(plain, call({ city: 'Oslo', days: 1 }))).toEqual([true, true, true, true]);
    expect(judged(plain, call({ city: 'Oslo', days: 2 }))).toEqual([true, true, false, false]);
    expect(judged(plain, call({ city: 'Oslo', days: '1' }))).toEqual([true, true, false, false]);
    expect(judged(plain, call({ city: 'Oslo', unit: 'C' }))).toEqual([true, true, false, false]);
    expect(judged(plain, call({ city: 'Oslo' }, 'weather'))).toEqual([true, false, false, false]);
    expect(judged(plain, call({ city: 'Oslo' }).repeat(2))).toEqual([true, false, false, false]);
    expect(judged(plain, '<tool_call>{"name": </tool_call>')).toEqual([false, false, false, false]);
    expect(judged(plain, 'It rains in Oslo.')).toEqual([false, false, false, false]);
  });

  it('may make several calls in any order', () => {
    const [first, second] = [call({ city: 'Oslo', days: 2 }), call({}, 'set_timer')];
    expect(judged(several, second + first)).toEqual([true, true, true, true]);
    expect(judged(several, first)).toEqual([true, false, false, false]);
    expect(judged(several, first + second + second)).toEqual([true, false, false, false]);
  });

  it('is right without a call where none fits, if it says what is asked for', () => {
    expect(judged(none, 'The capital is Paris.')).toEqual([undefined, true, undefined, true]);
    expect(judged(none, 'I do not know.')).toEqual([undefined, true, undefined, false]);
    expect(judged(none, call({ city: 'Paris' }))).toEqual([undefined, false, undefined, false]);
  });
});

describe('the tool calls that ship', () => {
  const content = readFileSync(new URL('../../fixtures/general/tools.jsonl', import.meta.url), 'utf8');
  const items = parseTools(content, 'tools.jsonl');

  it('are at least 120 of six kinds that take turns, no question twice', () => {
    expect(items.length).toBeGreaterThanOrEqual(120);
    const counts = new Map<string, number>();
    for (const { task } of items) counts.set(task, (counts.get(task) ?? 0) + 1);
    expect(counts.size).toBe(6);
    for (const [kind, count] of counts) expect(count, kind).toBeGreaterThanOrEqual(18);
    expect(new Set(items.slice(0, 12).map(({ task }) => task)).size).toBe(6);
    const asked = items.map(({ messages }) => JSON.stringify(messages));
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('are what their kinds say', () => {
    for (const { task, tools, calls, messages } of items) {
      if (task === 'one tool') expect([tools.length, calls.length]).toEqual([1, 1]);
      if (task === 'several tools') expect(tools.length).toBeGreaterThan(2);
      if (task === 'none fitting') expect(calls).toEqual([]);
      if (task === 'parallel calls') expect(calls.length).toBeGreaterThan(1);
      if (task === 'nested arguments')
        expect(Object.values(calls[0]?.arguments ?? {}).some((value) => typeof value === 'object')).toBe(
          true,
        );
      expect(messages.some(({ role }) => role === 'tool')).toBe(task === "tool's answer");
    }
  });

  it('are right as every form writes them, and the call of another is wrong', () => {
    for (const write of Object.values(FORMS)) {
      for (const [index, item] of items.entries()) {
        if (item.calls.length === 0) continue;
        const text = write(item.calls);
        // There numbers and texts that look like some are one, and objects are none.
        if (write === FORMS['Qwen3-Coder']) continue;
        expect(judgeTools(item, text).correct, text).toBe(true);
        const other = items[(index + 7) % items.length];
        if (other !== undefined && other.calls.length > 0 && other.calls !== item.calls)
          expect(judgeTools(other, text).correct).toBe(false);
      }
    }
  });
});

describe('the form of a chat template', () => {
  it.each([
    ['{{ "[TOOL_CALLS]" + name + "[ARGS]" }}', '[TOOL_CALLS]name[ARGS]{JSON}'],
    ["{{ '[TOOL_CALLS] [' }}", '[TOOL_CALLS][{JSON}]'],
    ["{{ '<tool_call>\\n<function=' + name + '>\\n<parameter=' }}", '<function=name><parameter=key>'],
    ["{{ '<function=' + name }}", '<function=name>{JSON}</function>'],
    ["{{ '<tool_call>' }}", '<tool_call>{JSON}</tool_call>'],
    ["{{ '<|python_tag|>' }}", '{"name": …, "parameters": {JSON}}'],
    ['{{ tools | tojson }}', 'JSON'],
  ])('%j is found by its marks', (template, name) => {
    expect(formOf(template).name).toBe(name);
  });
});
