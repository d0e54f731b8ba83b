import { normalizeAnswer } from './answer-text.ts';
import type { TaskItem } from './tasks.ts';

/**
 * How answers are weighed against each other. By the definitions of lm-evaluation-harness, `acc` takes the highest sum
 * of log-probabilities and `acc_norm` the highest sum a character; `acc_token` takes the highest mean a token, which
 * llama-perplexity calls acc_norm.
 */
export const CHOICE_MEASURES = ['acc', 'acc_norm', 'acc_token'] as const;
export type ChoiceMeasure = (typeof CHOICE_MEASURES)[number];

/**
 * How a question and its answers become tokens.
 *
 * - `chat`: the question through the model's chat template, the answer as a reply to it.
 * - `lm-eval`: raw text, answered after a space, cut where lm-evaluation-harness cuts it (`_encode_pair`).
 * - `llama-perplexity`: raw text, answered after a space, cut where the answers' tokens begin to differ.
 * - `llama-winogrande`: as llama-perplexity --winogrande: what is scored is the text after the answer.
 */
export type ChoiceForm = 'chat' | 'lm-eval' | 'llama-perplexity' | 'llama-winogrande';

/** A question with a few answers to choose from, of which one is right. */
export interface ChoiceItem {
  readonly task: string;
  readonly form: ChoiceForm;
  /** What comes before each item of its task: a description, worked examples. */
  readonly before: string;
  readonly prompt: string;
  readonly choices: readonly string[];
  /** What is scored after a choice, where that is not the choice itself: WinoGrande's rest of the sentence. */
  readonly ending: string | null;
  /** Index of the right one. */
  readonly answer: number;
  /** Those that it counts for, the one that decides it first. */
  readonly measures: readonly [ChoiceMeasure, ...ChoiceMeasure[]];
}

/** As many as HellaSwag, ARC and most of MMLU have. */
const CHOICES = 4;

/**
 * Multiple choice made of the tasks: each item's answer stands among three others of its kind, so that guessing gets
 * a quarter. Items with labels have those as their choices. Kinds with fewer than four answers are left out. The same
 * tasks give the same choices.
 */
export function choicesOf(items: readonly TaskItem[]): ChoiceItem[] {
  // Each answer is held against all of its kind.
  const normalized = new Map(
    items
      .flatMap((item) => [...item.answers, ...(item.match === 'label' ? item.labels : [])])
      .map((answer) => [answer, normalizeAnswer(answer)]),
  );
  const sameAnswer = (a: string, b: string) => normalized.get(a) === normalized.get(b);
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
    return [chatChoice(task, prompt, others.toSpliced(answer, 0, right), answer)];
  });
}

/** A question that is asked as a user would. */
export function chatChoice(
  task: string,
  prompt: string,
  choices: readonly string[],
  answer: number,
): ChoiceItem {
  return { task, form: 'chat', before: '', prompt, choices, ending: null, answer, measures: ['acc_token'] };
}

/** The choice with the highest value; the first of equals. */
export function chosenOf(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > (values[best] ?? value) ? i : best), 0);
}
