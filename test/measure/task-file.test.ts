import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCorrect } from '../../src/measure/judge.ts';
import { parseTasks } from '../../src/measure/task-file.ts';
import { UsageError } from '../../src/util/errors.ts';

const sound = { task: 'math', prompt: 'What is 6 x 7?', answer: '42' };

describe('a task file', () => {
  it('of the nano family holds the 332 items of its reference, answered by their own answers', () => {
    const content = readFileSync(new URL('../../fixtures/nano/tasks.jsonl', import.meta.url), 'utf8');
    const items = parseTasks(content, 'tasks.jsonl');
    expect(items).toHaveLength(332);
    expect(items.every(({ match }) => match === 'exact')).toBe(true);
    for (const item of items) expect(isCorrect(item, ` ${item.answers[0]}\n`)).toBe(true);
  });

  it('gives every field, and defaults', () => {
    const labelled = { ...sound, match: 'label', answer: 'Music', labels: ['music', 'sports'], maxTokens: 8 };
    expect(parseTasks(`${JSON.stringify(sound)}\n\n${JSON.stringify(labelled)}\n`, 'file')).toEqual([
      { task: 'math', prompt: 'What is 6 x 7?', answers: ['42'], match: 'number', maxTokens: null },
      {
        task: 'math',
        prompt: 'What is 6 x 7?',
        answers: ['Music'],
        match: 'label',
        labels: ['music', 'sports'],
        maxTokens: 8,
      },
    ]);
  });

  it('may have been saved on Windows, and may list alternatives', () => {
    const [item] = parseTasks(
      `\uFEFF${JSON.stringify({ ...sound, answer: ['42', 'forty-two'] })}\r\n`,
      'file',
    );
    expect(item?.answers).toEqual(['42', 'forty-two']);
  });

  const defects: [string, object, string][] = [
    ['a missing prompt', { task: 'math', answer: '42' }, 'field "prompt": Invalid input: expected string'],
    ['a blank prompt', { ...sound, prompt: ' ' }, 'field "prompt": expected some text'],
    [
      'a number for an answer',
      { ...sound, answer: 42 },
      'field "answer": expected some text or a list of such',
    ],
    ['no answer in the list', { ...sound, answer: [] }, 'field "answer"'],
    [
      'an unknown match',
      { ...sound, match: 'fuzzy' },
      'field "match": Invalid option: expected one of "exact"',
    ],
    [
      'a misspelt field',
      { ...sound, anwser: '42' },
      'field "anwser": unknown, expected one of task, prompt, answer',
    ],
    ['a reply of no tokens', { ...sound, maxTokens: 0 }, 'field "maxTokens"'],
    [
      'a number match without a number',
      { ...sound, answer: 'many', match: 'number' },
      '"many" holds 0 numbers',
    ],
    ['a number match with two', { ...sound, answer: '1 or 2', match: 'number' }, '"1 or 2" holds 2 numbers'],
    ['a label match without labels', { ...sound, match: 'label' }, 'field "labels": missing'],
    [
      'labels without a label match',
      { ...sound, match: 'exact', labels: ['a', 'b'] },
      'field "labels": of use only with match "label"',
    ],
    ['one label', { ...sound, match: 'label', labels: ['42'] }, 'field "labels"'],
    ['a label twice', { ...sound, match: 'label', labels: ['42', 'x', 'X'] }, '"x" is there twice'],
    [
      'an answer beside the labels',
      { ...sound, match: 'label', labels: ['1', '2'] },
      '"42" is none of the labels 1, 2',
    ],
    ['punctuation to find', { ...sound, answer: '?!', match: 'contains' }, '"?!" is punctuation alone'],
    ['an article to find', { ...sound, answer: 'A', match: 'contains' }, '"A" is an article'],
    ['a list for an item', [sound], 'Invalid input: expected object'],
  ];
  it.each(defects)('with %s is refused, naming line and field', (_, defect, message) => {
    const parse = () => parseTasks(`${JSON.stringify(sound)}\n${JSON.stringify(defect)}`, 'my-tasks.jsonl');
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow('my-tasks.jsonl, line 2');
    expect(parse).toThrow(message);
  });

  it('that is not JSON is refused with the line', () => {
    expect(() => parseTasks(`${JSON.stringify(sound)}\n{"task": `, 'file')).toThrow('file, line 2: not JSON');
  });

  it('that is empty is refused', () => {
    expect(() => parseTasks('\n \n', 'file')).toThrow('file holds no tasks, need at least 1');
  });

  it('of any JSON parses or is a UsageError', () => {
    fc.assert(
      fc.property(fc.array(fc.json(), { minLength: 1 }), (lines) => {
        try {
          parseTasks(lines.join('\n'), 'file');
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(UsageError);
        }
      }),
    );
  });
});
