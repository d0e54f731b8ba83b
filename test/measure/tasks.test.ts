import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCorrect } from '../../src/measure/judge.ts';
import { type Match, summarizeTasks as summarize, type TaskItem } from '../../src/measure/tasks.ts';
import { resultsSchema } from '../../src/schema/results.ts';
import { QuantscopeError } from '../../src/util/errors.ts';

function item(match: Exclude<Match, 'label'>, ...answers: string[]): TaskItem {
  return { task: 'test', prompt: '?', answers, maxTokens: null, match };
}
/** Outcomes by what counts. */
function summarizeTasks(
  items: readonly { readonly task: string }[],
  outcomes: readonly boolean[],
  reference: readonly boolean[] | null,
) {
  return summarize(
    items,
    outcomes.map((correct) => ({ correct })),
    reference,
  );
}
const sentiment: TaskItem = {
  task: 'sentiment',
  prompt: '?',
  answers: ['Positive'],
  maxTokens: null,
  match: 'label',
  labels: ['positive', 'negative', 'neutral'],
};

describe('a reply', () => {
  it.each<[string, TaskItem, string, boolean]>([
    ['exact', item('exact', 'Doha.'), ' Doha.\n', true],
    ['exact', item('exact', 'Doha.'), 'Doha', false],
    ['exact', item('exact', 'Doha.', 'Doha'), 'Doha', true],
    ['exact', item('exact', 'Doha'), 'doha', false],
    ['normalized', item('normalized', 'the Nile'), 'Nile.', true],
    ['normalized', item('normalized', 'Nile'), '\n\n**The Nile**\n\nIt is a river.', true],
    ['normalized', item('normalized', 'Nile'), 'It is the Nile', false],
    ['normalized', item('normalized', 'red green blue'), 'Red\nGreen\nBlue', true],
    ['normalized', item('normalized', '35'), '3.5', false],
    ['normalized', item('normalized', 'A'), 'a.', true],
    ['number', item('number', '42'), '6 x 7 = 42.', true],
    ['number', item('number', '42'), '42 is 6 x 7', false],
    ['number', item('number', '1200'), 'It costs $1,200.00', true],
    ['number', item('number', '1,200 kg'), '1200kg', true],
    ['number', item('number', '5', '-5'), 'x = -5', true],
    ['number', item('number', '5'), 'x = -5', false],
    ['number', item('number', '5'), 'five', false],
    ['label', sentiment, 'positive', true],
    ['label', sentiment, 'The sentiment is **Positive**, by no means negative.', true],
    ['label', sentiment, 'Negative. Hardly positive.', false],
    ['label', sentiment, 'I cannot say.', false],
    ['contains', item('contains', 'Jane Austen', 'Austen'), 'It was written by Miss Austen.', true],
    ['contains', item('contains', 'cat'), 'A category', false],
    ['contains', item('contains', 'Paris'), 'The capital of France is Paris.', true],
    ['regex', item('regex', '^(?:yes|no)\\b'), 'yes, it is', true],
    ['regex', item('regex', '^(?:yes|no)\\b'), 'I say yes', false],
    ['contains-all', item('contains-all', 'Tuesday', 'apple'), 'She bought an apple on Tuesday.', true],
    ['contains-all', item('contains-all', 'Tuesday', 'apple'), 'She bought an apple on Monday.', false],
  ])('by %s: %o to %j is %s', (_, task, reply, correct) => {
    expect(isCorrect(task, reply)).toBe(correct);
  });

  it('that is empty is never right', () => {
    const matches: Exclude<Match, 'label' | 'regex'>[] = [
      'exact',
      'normalized',
      'number',
      'contains',
      'contains-all',
    ];
    for (const match of matches) expect(isCorrect(item(match, '42'), '')).toBe(false);
    expect(isCorrect(sentiment, '')).toBe(false);
  });

  it('that repeats an answer is right by every match', () => {
    const matches: Exclude<Match, 'label' | 'regex'>[] = [
      'exact',
      'normalized',
      'number',
      'contains',
      'contains-all',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...matches), fc.integer(), (match, number) => {
        expect(isCorrect(item(match, `${number}`), ` ${number}\n`)).toBe(true);
      }),
    );
  });
});

describe('a pattern', () => {
  it('that backtracks without end is given up, with what to change', () => {
    const slow = item('regex', '^(a+)+$');
    expect(() => isCorrect(slow, `${'a'.repeat(40)}!`)).toThrow(/is not matched within 1000 ms/);
  });
});

describe('the summary of outcomes', () => {
  const items = ['math', 'math', 'code', 'math'].map((task) => ({ task }));
  const contract = resultsSchema.shape.variants.element.shape.tasks;

  it('counts by task in the order they appear, with Wilson intervals', () => {
    const tasks = summarizeTasks(items, [true, false, true, true], null);
    expect(tasks).toMatchObject({ correct: 3, total: 4, outcomes: [true, false, true, true] });
    expect(Object.keys(tasks.byTask)).toEqual(['math', 'code']);
    expect(tasks.byTask['math']).toMatchObject({ correct: 2, total: 3 });
    // Newcombe (1998) has no 3 of 4; by the formula (0.75 + z²/8 ± z sqrt(0.1875/4 + z²/64)) / (1 + z²/4).
    expect(tasks.low).toBeCloseTo(0.30064, 4);
    expect(tasks.high).toBeCloseTo(0.95441, 4);
  });

  it('has no flips without a reference', () => {
    expect(summarizeTasks(items, [true, true, true, true], null).flips).toMatchObject({
      status: 'unavailable',
    });
  });

  it('counts flips both ways, which accuracy does not show', () => {
    const before = [true, true, false, false];
    const { correct, flips } = summarizeTasks(items, [false, true, true, false], before);
    expect(correct).toBe(2);
    expect(flips).toEqual({ count: 2, share: 0.5, lost: 1, gained: 1, pValue: 1 });
  });

  it('is sound for any outcomes, and as the contract has it', () => {
    const rows = fc.array(fc.record({ task: fc.string(), now: fc.boolean(), before: fc.boolean() }));
    fc.assert(
      fc.property(rows, (list) => {
        const outcomes = list.map(({ now }) => now);
        const tasks = summarizeTasks(
          list,
          outcomes,
          list.map(({ before }) => before),
        );
        if (!Object.keys(tasks.byTask).includes('__proto__')) expect(contract.parse(tasks)).toEqual(tasks);
        const byTask = Object.values(tasks.byTask);
        expect(byTask.reduce((sum, { correct }) => sum + correct, 0)).toBe(tasks.correct);
        expect(byTask.reduce((sum, { total }) => sum + total, 0)).toBe(tasks.total);
        if ('status' in tasks.flips) throw new Error('flips are there');
        const { count, lost, gained } = tasks.flips;
        expect(count).toBe(lost + gained);
        expect(gained - lost).toBe(tasks.correct - list.filter(({ before }) => before).length);
      }),
    );
  });

  it('refuses outcomes that are not one an item', () => {
    expect(() => summarizeTasks(items, [true], null)).toThrow(QuantscopeError);
    expect(() => summarizeTasks(items, [true, true, true, true], [true])).toThrow('got 1 reference');
  });
});
