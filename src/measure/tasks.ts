import { unavailableBecause } from '../schema/availability.ts';
import type { Tasks } from '../schema/results.ts';
import { QuantscopeError } from '../util/errors.ts';
import { containsWords, firstLabelIn, normalizeAnswer, numbersIn, sameLabel } from './answer-text.ts';
import { mcNemarExact, wilsonInterval } from './statistics.ts';

/** How a reply is held against the answers, the words of a task file's `match`. */
export const MATCHES = ['exact', 'normalized', 'number', 'label', 'contains', 'contains-all'] as const;
export type Match = (typeof MATCHES)[number];

interface TaskBase {
  /** What kind of task it is: accuracy is counted by it. */
  readonly task: string;
  readonly prompt: string;
  /** At least one. Alternatives of which one suffices, except for `contains-all`. */
  readonly answers: readonly string[];
  /** The longest reply to wait for; null leaves it to the run. */
  readonly maxTokens: number | null;
}

export type TaskItem =
  | (TaskBase & { readonly match: Exclude<Match, 'label'> })
  | (TaskBase & { readonly match: 'label'; readonly labels: readonly string[] });

/**
 * Decides a reply.
 *
 * - `exact`: it equals an answer, white space around them aside.
 * - `normalized`: its first line with words, or the whole of it, equals an answer in the words that count.
 * - `number`: its last number equals an answer's; separators, trailing zeros and units do not count.
 * - `label`: the label it mentions first is an answer.
 * - `contains`: an answer's words occur in it, in a row.
 * - `contains-all`: every answer's words do.
 */
export function isCorrect(item: TaskItem, reply: string): boolean {
  const { answers } = item;
  switch (item.match) {
    case 'exact':
      return answers.some((answer) => answer.trim() === reply.trim());
    case 'normalized': {
      const firstLine = reply
        .split('\n')
        .map(normalizeAnswer)
        .find((line) => line !== '');
      const whole = normalizeAnswer(reply);
      return answers.map(normalizeAnswer).some((answer) => answer === firstLine || answer === whole);
    }
    case 'number': {
      const last = numbersIn(reply).at(-1);
      return last !== undefined && answers.some((answer) => numbersIn(answer).at(-1) === last);
    }
    case 'label': {
      const label = firstLabelIn(reply, item.labels);
      return label !== null && answers.some((answer) => sameLabel(answer, label));
    }
    case 'contains':
      return answers.some((answer) => containsWords(normalizeAnswer(reply), normalizeAnswer(answer)));
    case 'contains-all':
      return answers.every((answer) => containsWords(normalizeAnswer(reply), normalizeAnswer(answer)));
  }
}

/**
 * Accuracy over all items and by task, with Wilson 95 % intervals, and the flips against the reference: items right
 * in one and wrong in the other. Accuracy can stay while answers change (arXiv 2407.09141).
 * @param outcomes one an item: whether its reply was correct
 * @param referenceOutcomes the reference's; null for the reference itself or when it has none
 * @throws QuantscopeError `measure/mismatched-outcomes` when the three are not of one length
 */
export function summarizeTasks(
  items: readonly Pick<TaskItem, 'task'>[],
  outcomes: readonly boolean[],
  referenceOutcomes: readonly boolean[] | null,
): Tasks {
  expectLength('outcomes', outcomes.length, items.length);
  const byTask = new Map<string, boolean[]>();
  for (const [i, { task }] of items.entries()) {
    const ofTask = byTask.get(task) ?? [];
    ofTask.push(outcomes[i] === true);
    byTask.set(task, ofTask);
  }
  return {
    ...countCorrect(outcomes),
    byTask: Object.fromEntries(Array.from(byTask, ([task, ofTask]) => [task, countCorrect(ofTask)])),
    outcomes: [...outcomes],
    flips:
      referenceOutcomes === null
        ? unavailableBecause('there are no answers of a reference to compare with')
        : flipsBetween(referenceOutcomes, outcomes),
  };
}

function countCorrect(outcomes: readonly boolean[]) {
  const correct = outcomes.filter(Boolean).length;
  return { correct, total: outcomes.length, ...wilsonInterval(correct, outcomes.length) };
}

function flipsBetween(reference: readonly boolean[], candidate: readonly boolean[]) {
  expectLength("reference's outcomes", reference.length, candidate.length);
  const lost = reference.filter((correct, i) => correct && candidate[i] === false).length;
  const gained = reference.filter((correct, i) => !correct && candidate[i] === true).length;
  const count = lost + gained;
  const share = candidate.length === 0 ? 0 : count / candidate.length;
  return { count, share, lost, gained, pValue: mcNemarExact(lost, gained) };
}

function expectLength(what: string, got: number, expected: number): void {
  if (got === expected) return;
  throw new QuantscopeError(
    'measure/mismatched-outcomes',
    `got ${got} ${what}, expected ${expected}: one an item`,
  );
}
