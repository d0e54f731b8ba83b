import { z } from 'zod';
import { UsageError } from '../util/errors.ts';
import { normalizeAnswer } from './answer-text.ts';
import { parseJsonLines } from './json-lines.ts';
import type { TaskItem } from './tasks.ts';

/** A question with a few answers to choose from, of which one is right. */
export interface ChoiceItem {
  readonly task: string;
  readonly prompt: string;
  readonly choices: readonly string[];
  /** Index of the right one. */
  readonly answer: number;
}

/** As many as HellaSwag, ARC and most of MMLU have. */
const CHOICES = 4;

/**
 * Multiple choice made of the tasks: each item's answer stands among three others of its kind, so that guessing gets
 * a quarter. Items with labels have those as their choices. Kinds with fewer than four answers are left out. The same
 * tasks give the same choices.
 */
export function choicesOf(items: readonly TaskItem[]): ChoiceItem[] {
  const answersByTask = new Map<string, string[]>();
  for (const { task, answers } of items) {
    const known = answersByTask.get(task) ?? [];
    const [answer = ''] = answers;
    if (!known.some((other) => sameAnswer(other, answer))) known.push(answer);
    answersByTask.set(task, known);
  }
  return items.flatMap((item, index) => {
    const { task, prompt } = item;
    const [right = ''] = item.answers;
    const pool = item.match === 'label' ? item.labels : (answersByTask.get(task) ?? []);
    const wrong = pool.filter((other) => !item.answers.some((answer) => sameAnswer(answer, other)));
    const wanted = item.match === 'label' ? wrong.length : CHOICES - 1;
    if (wrong.length < Math.max(1, wanted)) return [];
    // A walk from a place of the item's own, so that no answer is everybody's distractor.
    const others = Array.from({ length: wanted }, (_, i) => wrong[(index * 7 + i) % wrong.length] ?? '');
    const answer = index % (wanted + 1);
    return [{ task, prompt, choices: others.toSpliced(answer, 0, right), answer }];
  });
}

/** The choice with the highest mean log-probability a token; the first of equals. */
export function chosenOf(meanLogProbs: readonly number[]): number {
  return meanLogProbs.reduce((best, value, i) => (value > (meanLogProbs[best] ?? value) ? i : best), 0);
}

const text = z.string().regex(/\S/, 'expected some text');
const line = z.strictObject({
  task: text.default('choice'),
  prompt: text,
  choices: z.array(text).min(2, 'expected at least 2 choices'),
  answer: z.union([z.int().nonnegative(), text], { error: 'expected the right choice or its index from 0' }),
});

/**
 * Reads a file of multiple choice, JSON Lines:
 *
 *     {"task": "capital", "prompt": "What is the capital of Peru?", "choices": ["Lima", "Quito"], "answer": "Lima"}
 *
 * @param source how errors name the file
 * @throws UsageError `choices/invalid` naming line and field, or `choices/empty`
 */
export function parseChoices(content: string, source: string): ChoiceItem[] {
  const items = parseJsonLines(content, source, 'choices/invalid', line, ({ answer, ...rest }, invalid) => {
    const { choices } = rest;
    const index = typeof answer === 'number' ? answer : choices.indexOf(answer);
    if (index >= 0 && index < choices.length) return { ...rest, answer: index };
    throw invalid('answer', `${JSON.stringify(answer)} is none of the ${choices.length} choices`);
  });
  if (items.length > 0) return items;
  throw new UsageError('choices/empty', `${source} holds no questions, need at least 1`, {
    hint: 'A line looks like {"prompt": "Capital of Peru?", "choices": ["Lima", "Quito"], "answer": "Lima"}.',
  });
}

function sameAnswer(a: string, b: string): boolean {
  return normalizeAnswer(a) === normalizeAnswer(b);
}
