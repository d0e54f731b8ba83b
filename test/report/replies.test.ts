import { describe, expect, it } from 'vitest';
import { summarizeTasks } from '../../src/measure/tasks.ts';
import { askedQuestions, markedWords } from '../../src/report/replies.ts';
import { renderReplies } from '../../src/report/replies-text.ts';
import { type Results, resultsSchema } from '../../src/schema/results.ts';
import { nanoResults } from '../helpers/results.ts';

const questions = ['Capital of France?', 'Capital of Peru?', '2 + 2?'].map((prompt, i) => ({
  task: 'qa',
  prompt,
  answers: [['Paris', 'Lima', '4'][i] ?? ''],
  rule: 'contains',
}));

/** Every variant right everywhere but where it is said. */
function resultsOf(wrong: Readonly<Record<string, readonly number[]>>): Results {
  const results = nanoResults();
  const variants = results.variants.map((variant) => {
    const judged = questions.map(({ answers }, i) => {
      const correct = !(wrong[variant.name] ?? []).includes(i);
      return { correct, reply: correct ? `It is ${answers[0]}.` : 'It is not known,\u001b[31m sorry.' };
    });
    return { ...variant, tasks: summarizeTasks(questions, judged, null) };
  });
  return resultsSchema.parse({ ...results, variants, questions: { tasks: questions } });
}

describe('replies in sight', () => {
  const results = resultsOf({ F16: [2], Q2_K: [1, 2] });

  it('are those of questions that one got wrong, that changed against the reference, or all', () => {
    const numbers = (filter: 'failed' | 'flipped' | 'all') =>
      askedQuestions(results, filter).map(({ number }) => number);
    expect(numbers('all')).toEqual([1, 2, 3]);
    expect(numbers('failed')).toEqual([2, 3]);
    expect(numbers('flipped')).toEqual([2, 3]);
    expect(askedQuestions(resultsOf({ F16: [2], Q8_0: [2], Q4_K_M: [2], Q2_K: [2] }), 'flipped')).toEqual([]);
  });

  it('stand under the question, with the rule and the mark, and no control character', () => {
    const text = renderReplies(askedQuestions(results, 'flipped'), { width: 60 });
    expect(text).toContain('Task 2, qa');
    expect(text).toContain('contains "Lima"');
    expect(text).toMatch(/✓ F16\s+It is Lima\./);
    expect(text).toMatch(/✗ Q2_K\s+It is not known,/);
    expect(text).not.toContain('\u001b');
  });

  it('are readable whatever the name of a variant is', () => {
    const [question] = askedQuestions(results, 'flipped');
    if (question === undefined) throw new Error('no question');
    const replies = question.replies.map((reply) => ({ ...reply, variant: 'n'.repeat(5000) }));
    const lines = renderReplies([{ ...question, replies }], { width: 60 }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    expect(lines.length).toBeLessThan(20);
    expect(lines.join('\n')).toMatch(/✓ n+…n+ +It is Lima\./);
  });

  it('are left out where only a share of them is there', () => {
    const [first, ...others] = results.variants;
    if (first === undefined) throw new Error('no variant');
    const tasks = summarizeTasks([{ task: 'qa' }], [{ correct: true, reply: 'x' }], null);
    const [question] = askedQuestions({ ...results, variants: [{ ...first, tasks }, ...others] }, 'all');
    expect(question?.replies.map(({ variant }) => variant)).not.toContain(first.name);
  });
});

describe('words that another reply does not have', () => {
  it.each([
    ['the cat sat', 'the cat sat', ''],
    ['the dog sat', 'the cat sat', 'dog'],
    ['a b c d', 'b d', 'a c'],
    ['', 'a', ''],
    ['a', '', 'a'],
    ['x a x', 'a', 'x x'],
  ])('of %j beside %j are %j', (text, other, expected) => {
    const marked = markedWords(text, other);
    expect(marked.map(({ word }) => word).join(' ')).toBe(text);
    expect(
      marked
        .filter(({ isNew }) => isNew)
        .map(({ word }) => word)
        .join(' '),
    ).toBe(expected);
  });
});
