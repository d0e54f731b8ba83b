import { Template } from '@huggingface/jinja';
import { describe, expect, it } from 'vitest';
import { boundedReport } from '../../src/api/validate/template-bounded.ts';
import { renderConversation } from '../../src/api/validate/template-render.ts';

/** As the process for hostile templates renders it. */
function unboundedRendering(text: string) {
  const template = new Template(text);
  return renderConversation((variables) => template.render(variables), text);
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
    "{%- set ns.last = m.content.replace('a', 'b') -%}{%- endfor -%}{{ ns | string | length }}",
  'with tools': '{% for tool in tools %}{{ tool | tojson(indent=4) }}{% endfor %}{{ messages[-1].content }}',
  'that refuses': "{{ raise_exception('Conversation roles must alternate') }}",
  'that drops what is said': '{{ bos_token }}',
  'that fails': '{{ messages.nothing.at_all }}',
};

describe('a harmless chat template', () => {
  it.each(Object.entries(HARMLESS))('%s is rendered at once, as in a process of its own', (_, text) => {
    const report = boundedReport(text);
    expect(report?.rendering).toEqual(unboundedRendering(text));
    expect(report?.parseError).toBeNull();
  });
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
