import { Template } from '@huggingface/jinja';
import { describe, expect, it } from 'vitest';
import { TemplateChecker } from '../../src/api/validate/template.ts';
import { boundedReport } from '../../src/api/validate/template-bounded.ts';
import { PLAIN_TOKENS, renderConversations } from '../../src/api/validate/template-render.ts';
import { findNativeCompiler } from '../../src/engine/native-template.ts';

const compile = await findNativeCompiler();

/** As llama.cpp renders it. */
function ofLlamaCpp(text: string) {
  const template = compile?.(text);
  return renderConversations((variables) => template?.render(variables) ?? '', text, PLAIN_TOKENS);
}

const HARMLESS = {
  plain:
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
  chatml:
    "{%- if messages[0]['role'] == 'system' %}{% set offset = 1 %}{%- else %}{% set offset = 0 %}{%- endif %}" +
    "{%- for m in messages[offset:] %}{{ '<|im_start|>' ~ m.role ~ '\n' ~ m.content | trim ~ '<|im_end|>\n' }}{%- endfor %}",
  'with a namespace and a split':
    "{%- set ns = namespace(last='', n=0) -%}{%- for m in messages if m.role != 'system' -%}{%- set ns.n = ns.n + 1 -%}" +
    "{%- if '</think>' in m.content -%}{{ m.content.split('</think>')[-1].lstrip() }}{%- else -%}{{ m.content }}{%- endif -%}" +
    "{%- set ns.last = m.content.replace('a', 'b') -%}{%- endfor -%}{{ ns.last | length }}",
  'with tools':
    '{% if tools %}{% for tool in tools %}{{ tool | tojson(indent=4) }}{% endfor %}{% endif %}{{ messages[0].content }}',
  'that refuses': "{{ raise_exception('Conversation roles must alternate') }}",
  'that drops what is said': '{{ bos_token }}',
};

/** What templates write, of every kind of value that there is. */
const EXPRESSIONS = [
  ...[
    'none',
    '1',
    "'a'",
    "1 ~ 'x'",
    "[1,2]|join(', ')",
    "x|default('d')",
    "''|default('d', true)",
    "'a b'|upper",
  ],
  ...[
    "{'a':'é<'}|tojson",
    "{'a':[1,{'b':none}]}|tojson(indent=2)",
    "'a\\nb'|tojson",
    "'a b c'.split(' ')[1]",
  ],
  ...[
    "' a '.strip()",
    "{'a':1}.get('a')",
    "'aXbX'.replace('X','-')",
    '7 % 3',
    '[1,2][-1]',
    "'abc'[1:]",
    "'abc'[::-1]",
  ],
  ...[
    "'a' if x else 'b'",
    "x or 'd'",
    "1 if 'a' in 'abc' else 2",
    'x|length',
    'none|trim',
    'x|trim',
    "{'a':1}['b']",
  ],
  ...[
    "['a','B']|map('upper')|join",
    "[{'a':1}]|map(attribute='a')|join",
    '1 if 3 is odd else 2',
    '(1,2)|length',
  ],
] as const;
const LEFT_TO_LLAMA_CPP = [
  ...[
    'true',
    "[1,'b']",
    "{'a':1}",
    "true ~ 'x'",
    'true|string',
    "'aB c'|title",
    "'it'|capitalize",
    "none|default('d')",
  ],
  ...[
    "'aXa'.strip('a')",
    '1.0|tojson',
    '-7 % 3',
    'true is number',
    "'abc'|join('-')",
    "'abc'[-1]",
    '4 / 2',
    "'a' * 3",
  ],
  ...["'aXbX'.replace('X','-',1)", "'x' ~ [1,'a']", "'a'.rsplit('b')", '[1,3]|max'],
] as const;

describe.skipIf(compile === null)('a harmless chat template', () => {
  it.each(Object.entries(HARMLESS))('%s is rendered at once, as llama.cpp renders it', (_, text) => {
    const report = boundedReport(text);
    expect(report?.conversations).toEqual(ofLlamaCpp(text));
    expect(report?.parseError).toBeNull();
  });

  it.each(EXPRESSIONS)('{{ %s }} is written as llama.cpp writes it, or left to llama.cpp', (expression) => {
    const text = `{{ ${expression} }}`;
    const report = boundedReport(text);
    if (report !== null) expect(report.conversations).toEqual(ofLlamaCpp(text));
  });

  it.each(LEFT_TO_LLAMA_CPP)(
    '{{ %s }}, which the renderer here writes otherwise, is left to llama.cpp',
    (expression) => {
      expect(boundedReport(`{{ ${expression} }}`)).toBeNull();
    },
  );
});

const nested = (open: string, close: string, depth: number): string =>
  `{{ ${open.repeat(depth)}1${close.repeat(depth)} }}`;
const doubling = (what: string): string => `{% set x = ${what} %}${'{% set x = x ~ x %}'.repeat(40)}{{ x }}`;

const HOSTILE = {
  'a loop of a thousand million rounds': '{% for i in range(1000000000) %}{{ i }}{% endfor %}',
  'range by another name': '{% set f = range %}{{ f(1000000000) }}',
  'range as a method': '{% set ns = namespace(strip=range) %}{{ ns.strip(1000000000) }}',
  'range as a filter': '{{ 1000000000 | range }}',
  'a text that doubles': doubling("'aaaaaaaa'"),
  'a list that doubles': `{% set x = ['a'] %}${'{% set x = x + x %}'.repeat(40)}{{ x }}`,
  'a list of the same lists': `{% set x = ['a'] %}${'{% set x = [x, x] %}'.repeat(40)}{{ x | tojson }}`,
  'a mapping of the same mappings': `{% set x = {} %}${"{% set x = {'a': x, 'b': x} %}".repeat(40)}{{ x }}`,
  'a list that holds itself': '{% set n = namespace() %}{% set n.a = [n] %}{{ n.a | tojson }}',
  'a replacement that multiplies': `{% set x = 'a' %}${'{% set x = x.replace("a", x ~ x ~ "a") %}'.repeat(20)}{{ x }}`,
  'a replacement got by a subscript': "{% set r = 'aaaa'['replace'] %}{{ r('a', 'b') }}",
  'a replacement handed on':
    "{% set n = namespace(strip='aaaa'.replace) %}{{ n.strip('a', messages[0].content) }}",
  'an indent without end': "{{ 'a\n' | indent(1000000000) }}",
  'a join that multiplies': "{{ messages | map(attribute='content') | join(messages[0].content) }}",
  'loops in loops': `${`{% for a in messages %}`.repeat(14)}x${'{% endfor %}'.repeat(14)}`,
  'macros that call themselves': '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  'brackets without end': nested('(', ')', 10_000),
  'lists without end': nested('[', ']', 10_000),
  'a long chain': `{{ ${"'a' ~ ".repeat(4000)}'b' }}`,
  'ifs in ifs': `${'{% if true %}'.repeat(2000)}x${'{% endif %}'.repeat(2000)}`,
  'the clock': "{{ strftime_now('%Y') }}",
  'more than is parsed here': ' '.repeat(40_000),
  'what does not parse': '{% for %}',
};

describe('a chat template that may take more than there is', () => {
  it.each(Object.entries(HOSTILE))('%s is left to a process of its own, at once', (_, text) => {
    const before = process.memoryUsage();
    const startedMs = performance.now();
    expect(boundedReport(text)).toBeNull();
    const after = process.memoryUsage();
    // Generous for a busy machine: without the bounds it is hours, or the end of this process.
    expect(performance.now() - startedMs).toBeLessThan(5000);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(256 * 2 ** 20);
  });
});

describe('a prompt that grows faster than its conversation', () => {
  it.each(
    Object.entries({
      'doubles with each message':
        "{% set ns = namespace(x='a') %}{% for m in messages %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}{{ messages[-1].content }}",
      'repeats all messages for each of them, and for each again':
        '{% for a in messages %}{% for b in messages %}{% for c in messages %}{{ c.content }}{% endfor %}{% endfor %}{% endfor %}',
    }),
  )('and %s is no prompt', (_, text) => {
    const template = new Template(text);
    const render = () => renderConversations((variables) => template.render(variables), text, PLAIN_TOKENS);
    expect(render).toThrow(/^(?:\d+ characters of prompt for 32 messages|Invalid string length)/);
  });
});

describe('a name that leads out of a template', () => {
  const made = [
    "{{ x['rotcurtsnoc'[::-1]] }}",
    "{{ x['CONSTRUCTOR' | lower] }}",
    "{{ x['CONSTRUCTOR'.lower()] }}",
    "{{ x[['con', 'structor'] | join] }}",
    "{{ x['xconstructor'[1:]] }}",
    "{{ x['constructorx'.replace('x', '')] }}",
    "{{ x['constructor '.strip()] }}",
    "{% set a = 'con' %}{% set b = 'structor' %}{{ x[a ~ b] }}",
    "{% for a in ['con'] %}{{ x[a + 'structor'] }}{% endfor %}",
    "{% macro m(a) %}{{ x[a ~ 'structor'] }}{% endmacro %}{{ m('con') }}",
  ];
  it('is seen however the template makes it', async () => {
    await using checker = new TemplateChecker();
    for (const text of made) {
      const template = `{% set x = messages[0] %}${text}`;
      expect((await checker.check(template)).escapes, text).toContain('constructor');
    }
    const harmless = "{% for m in messages %}{{ m['role'] ~ 'structor' }}{% endfor %}";
    expect((await checker.check(harmless)).escapes).toEqual([]);
  });
});
