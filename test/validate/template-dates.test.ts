import { afterAll, expect, it } from 'vitest';
import { TemplateChecker } from '../../src/api/validate/template.ts';

const checker = new TemplateChecker();
afterAll(() => checker[Symbol.asyncDispose]());

const TURNS = "{% for m in messages %}<|turn|>{{ m['role'] }} {{ m['content'] }}<|over|>{% endfor %}";

it.each([
  ['the function of the date', "{{ strftime_now('%d %B %Y') }}", ['strftime_now']],
  ['the weekday alone, by way of a variable', "{% set today = strftime_now('%B') %}{{ today }}", 2],
  ['a variable that an app hands over', '{{ date_string }}', ['date_string']],
  ['one with a default', "{{ currentDate | default('1 January', true) }}", ['currentDate']],
])('a template that writes %s has a date', async (_, text, names) => {
  const { dates } = await checker.check(text + TURNS);
  if (typeof names === 'number') expect(dates).toHaveLength(names);
  else expect(dates).toEqual(names);
});

it.each([
  ['in a comment', '{# strftime_now and date_string #}'],
  ['in its own words', 'Tell today’s date by strftime_now. '],
  ['where it is never taken', "{% if messages | length > 99 %}{{ strftime_now('%Y') }}{% endif %}"],
  ['in a condition alone', '{% if date_string is defined %}{% set x = 1 %}{% endif %}'],
  ['in parts that are the same each day', "{{ strftime_now('%%') }}"],
])('a template that names it %s has none', async (_, text) => {
  const { dates, conversations } = await checker.check(text + TURNS);
  expect(dates).toEqual([]);
  expect(conversations.some(({ status }) => status === 'ok')).toBe(true);
});
