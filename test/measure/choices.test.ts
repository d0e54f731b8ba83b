import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChoices } from '../../src/measure/choice-file.ts';
import { chatChoice, choicesOf, chosenOf } from '../../src/measure/choices.ts';
import type { TaskItem } from '../../src/measure/tasks.ts';

const item = (task: string, answer: string): TaskItem => ({
  task,
  prompt: `${task}?`,
  answers: [answer],
  match: 'exact',
  maxTokens: null,
});

describe('multiple choice made of tasks', () => {
  it('puts each answer among three others of its kind, each once, the same every time', () => {
    const answers = fc.uniqueArray(fc.stringMatching(/^[a-z]{3,8}$/), { minLength: 4, maxLength: 30 });
    fc.assert(
      fc.property(answers, (words) => {
        const items = words.map((word) => item('capital', word));
        const made = choicesOf(items);
        expect(made).toHaveLength(items.length);
        expect(choicesOf(items)).toEqual(made);
        for (const [index, { choices, answer }] of made.entries()) {
          expect(choices[answer]).toBe(words[index]);
          expect(new Set(choices).size).toBe(4);
        }
      }),
    );
  });

  it('takes the labels where there are labels, and leaves kinds out that have too few answers', () => {
    const labels = ['positive', 'negative', 'neutral'];
    const labelled: TaskItem = { ...item('sentiment', 'negative'), match: 'label', labels };
    const made = choicesOf([labelled, item('rare', 'one'), item('rare', 'two')]);
    expect(made).toHaveLength(1);
    expect([...(made[0]?.choices ?? [])].sort()).toEqual([...labels].sort());
    expect(made[0]?.choices[made[0].answer]).toBe('negative');
  });

  it('counts answers that differ in case alone as one', () => {
    expect(choicesOf(['A b', 'a B', 'c', 'd'].map((answer) => item('x', answer)))).toEqual([]);
  });
});

describe('the chosen answer', () => {
  it('is the likeliest, the first of equals', () => {
    expect(chosenOf([-3, -1, -2])).toBe(1);
    expect(chosenOf([-1, -1])).toBe(0);
  });
});

describe('a file of multiple choice', () => {
  it('gives the right one by text or index', () => {
    const content =
      '{"prompt":"p","choices":["a","b"],"answer":"b"}\n\n{"task":"t","prompt":"q","choices":["a","b"],"answer":0}\n';
    expect(parseChoices(Buffer.from(content), 'f')).toEqual([
      chatChoice('choice', 'p', ['a', 'b'], 1),
      chatChoice('t', 'q', ['a', 'b'], 0),
    ]);
  });

  it.each([
    ['', 'choices/empty', /no questions/],
    ['{', 'choices/invalid', /f, line 1: not JSON/],
    ['{"prompt":"p","choices":["a"],"answer":0}', 'choices/invalid', /field "choices": expected at least 2/],
    ['{"prompt":"p","choices":["a","b"],"answer":2}', 'choices/invalid', /field "answer": 2 is none/],
  ])('%j is refused', (content, code, message) => {
    try {
      parseChoices(Buffer.from(content), 'f');
    } catch (thrown) {
      expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) });
      return;
    }
    throw new Error('was taken');
  });
});
