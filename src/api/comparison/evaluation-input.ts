import { type ChoiceItem, choicesOf, parseChoices } from '../../measure/choices.ts';
import type { ComparisonVariant } from '../../measure/comparison-rows.ts';
import { evaluationSetFor } from '../../measure/evaluation-data.ts';
import { sha256OfText } from '../../measure/file-hash.ts';
import { parseTasks } from '../../measure/task-file.ts';
import type { TaskItem } from '../../measure/tasks.ts';
import type { Settings } from '../../schema/results.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { packagePath } from '../../util/package-files.ts';
import type { EvaluateRequest } from '../evaluate/request.ts';
import { readInput } from '../input-file.ts';
import type { EvaluationRequest } from '../request.ts';

/** How much of it `--quick` takes. */
export const QUICK = { repetitions: 2, chunks: 8, taskItems: 64 } as const;

/** What of a request says what models are evaluated on. */
export type EvaluationOptions = Pick<EvaluateRequest, keyof EvaluationRequest | 'choices'> & {
  readonly context: number;
};

/** What models are evaluated on. */
export interface EvaluationInput {
  readonly text: string;
  readonly taskItems: readonly TaskItem[];
  readonly choiceItems: readonly ChoiceItem[];
  /** How the results name the text and the tasks. */
  readonly evaluation: Settings['evaluation'];
  /** How they name the questions of multiple choice, where they are asked. */
  readonly choiceEvaluation: Pick<Settings['evaluation'], 'choices' | 'choicesSha256' | 'choiceItems'>;
}

/**
 * Reads what was asked for, or the package's own: for the embedded family the one it was trained for.
 * @throws UsageError `input/unreadable`, `tasks/invalid`, `tasks/empty`, `choices/invalid`, `choices/empty`
 */
export async function readEvaluation(
  options: EvaluationOptions,
  variants: readonly ComparisonVariant[],
): Promise<EvaluationInput> {
  const quick = options.quick ?? false;
  const set = evaluationSetFor(modelNameOf(variants));
  const textPath = options.text ?? packagePath(`fixtures/${set}/text.txt`);
  const tasksPath = options.tasks ?? packagePath(`fixtures/${set}/tasks.jsonl`);
  const text = await readInput(textPath, '--text');
  const tasks = await readInput(tasksPath, '--tasks');
  const allTasks = parseTasks(tasks, tasksPath);
  const choices = options.choices === undefined ? null : await readInput(options.choices, '--choices');
  const allChoices =
    choices === null ? choicesOf(allTasks) : parseChoices(choices, options.choices ?? '--choices');
  const taskItems = quick ? thinned(allTasks) : allTasks;
  const choiceItems = quick ? thinned(allChoices) : allChoices;
  return {
    text,
    taskItems,
    choiceItems,
    evaluation: {
      text: shown(textPath),
      textSha256: sha256OfText(text),
      contextSize: options.context,
      chunks: options.chunks ?? (quick ? QUICK.chunks : null),
      tasks: shown(tasksPath),
      tasksSha256: sha256OfText(tasks),
      taskItems: taskItems.length,
    },
    choiceEvaluation: {
      choices: options.choices === undefined ? `from ${shown(tasksPath)}` : shown(options.choices),
      choicesSha256: sha256OfText(choices ?? tasks),
      choiceItems: choiceItems.length,
    },
  };
}

function modelNameOf(variants: readonly ComparisonVariant[]): string | null {
  for (const { described } of variants) {
    if (!(described instanceof QuantscopeError)) return described.model.name;
  }
  return null;
}

/** Evenly, so that every kind of item stays. */
function thinned<Item>(items: readonly Item[]): Item[] {
  const every = Math.max(1, Math.ceil(items.length / QUICK.taskItems));
  return items.filter((_, index) => index % every === 0);
}

/** Files of the package by their place in it, so that results from two machines read alike. */
export function shown(path: string): string {
  const root = packagePath('');
  return path.startsWith(root) ? path.slice(root.length) : path;
}
