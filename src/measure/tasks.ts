import { unavailableBecause } from '../schema/availability.ts';
import type { Tasks } from '../schema/figures.ts';
import { QuantscopeError } from '../util/errors.ts';
import type { Instruction } from './instructions.ts';
import { mcNemarExact, wilsonInterval } from './statistics.ts';

/** How a reply is held against the answers, the words of a task file's `match`. */
export const MATCHES = [
  'exact',
  'normalized',
  'number',
  'label',
  'contains',
  'contains-all',
  'regex',
] as const;
export type Match = (typeof MATCHES)[number];

interface TaskBase {
  /** What kind of task it is: accuracy is counted by it. */
  readonly task: string;
  readonly prompt: string;
  /** At least one. Alternatives of which one suffices, except for `contains-all`. */
  readonly answers: readonly string[];
  /** The longest reply to wait for; null leaves it to the run. */
  readonly maxTokens: number | null;
  /** Raw text to continue instead of a question through the chat template. */
  readonly isRaw?: boolean;
  /** What comes before each item of its kind: a description, worked examples. */
  readonly before?: string;
  /** Texts that end a reply, and are no part of it. */
  readonly stopTexts?: readonly string[];
}

export type TaskItem =
  | (TaskBase & { readonly match: Exclude<Match, 'label'> })
  | (TaskBase & { readonly match: 'label'; readonly labels: readonly string[] })
  | (TaskBase & { readonly match: 'gsm8k' })
  | (TaskBase & { readonly match: 'ifeval'; readonly instructions: readonly Instruction[] });

/** What became of an item. */
export interface Judged {
  readonly correct: boolean;
  /** What the model said, or the choice it took. */
  readonly reply?: string | undefined;
  /** What each measure makes of it, where it has several. */
  readonly measures?: Readonly<Record<string, boolean>> | undefined;
}

/**
 * Accuracy over all items and by task, with Wilson 95 % intervals, and the flips against the reference: items right
 * in one and wrong in the other. Accuracy can stay while answers change (arXiv 2407.09141).
 * @param outcomes one an item: whether its reply was correct, what it was, and what other measures make of it
 * @param referenceOutcomes the reference's; null for the reference itself or when it has none
 * @throws QuantscopeError `measure/mismatched-outcomes` when the three are not of one length
 */
export function summarizeTasks(
  items: readonly Pick<TaskItem, 'task'>[],
  outcomes: readonly Judged[],
  referenceOutcomes: readonly boolean[] | null,
): Tasks {
  expectLength('outcomes', outcomes.length, items.length);
  const correct = outcomes.map((outcome) => outcome.correct);
  const measures = new Set(outcomes.flatMap((outcome) => Object.keys(outcome.measures ?? {})));
  const replies = outcomes.flatMap(({ reply }) => (reply === undefined ? [] : [reply]));
  return {
    ...countCorrect(correct),
    byTask: countByTask(items, correct),
    outcomes: correct,
    ...(replies.length === outcomes.length && replies.length > 0 ? { replies } : {}),
    ...(measures.size === 0
      ? {}
      : {
          measures: Object.fromEntries(
            Array.from(measures, (measure) => [
              measure,
              countByTask(
                items,
                outcomes.map((outcome) => outcome.measures?.[measure]),
              ),
            ]),
          ),
        }),
    flips:
      referenceOutcomes === null
        ? unavailableBecause('there are no answers of a reference to compare with')
        : flipsBetween(referenceOutcomes, correct),
  };
}

/** @param outcomes undefined for an item that does not count */
function countByTask(
  items: readonly Pick<TaskItem, 'task'>[],
  outcomes: readonly (boolean | undefined)[],
): Tasks['byTask'] {
  const byTask = new Map<string, boolean[]>();
  for (const [i, { task }] of items.entries()) {
    const outcome = outcomes[i];
    if (outcome === undefined) continue;
    const ofTask = byTask.get(task) ?? [];
    ofTask.push(outcome);
    byTask.set(task, ofTask);
  }
  return Object.fromEntries(Array.from(byTask, ([task, ofTask]) => [task, countCorrect(ofTask)]));
}

function countCorrect(outcomes: readonly boolean[]) {
  const correct = outcomes.filter(Boolean).length;
  return { correct, total: outcomes.length, ...wilsonInterval(correct, outcomes.length) };
}

/** @throws QuantscopeError `measure/mismatched-outcomes` */
export function flipsBetween(reference: readonly boolean[], candidate: readonly boolean[]) {
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
