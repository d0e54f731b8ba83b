import { UsageError } from '../util/errors.ts';
import type { ChoiceItem } from './choices.ts';
import type { TaskItem } from './tasks.ts';

/** What examples are put before, and made of. */
interface Shown {
  readonly task: string;
  readonly before?: string;
}

/**
 * Puts worked examples before every item, with an empty line behind each, as lm-evaluation-harness does with its
 * `first_n` sampler: the first `count` of the same task.
 * @param examples items to take them from, with their answers
 * @param source how errors name the file of the examples
 * @param textOf an example with its answer
 * @throws UsageError `few-shot/too-few`
 */
export function withExamples<Item extends Shown>(
  items: readonly Item[],
  examples: readonly Item[],
  count: number,
  source: string,
  textOf: (example: Item) => string,
): Item[] {
  const byTask = new Map<string, string>();
  return items.map((item) => {
    const { task, before = '' } = item;
    let shown = byTask.get(task);
    if (shown === undefined) {
      const own = examples.filter((example) => example.task === task).slice(0, count);
      if (own.length < count) {
        throw new UsageError(
          'few-shot/too-few',
          `${source} holds ${own.length} examples of ${task}, expected at least the ${count} of --few-shot`,
          { hint: 'Name a file of examples of the same kind with --few-shot-from, or ask for fewer.' },
        );
      }
      shown = own.map((example) => `${textOf(example)}\n\n`).join('');
      byTask.set(task, shown);
    }
    return { ...item, before: before + shown };
  });
}

export function shownChoice({ form, prompt, choices, answer, ending }: ChoiceItem): string {
  const choice = choices[answer] ?? '';
  if (ending === null) return `${prompt} ${choice}`;
  return prompt + choice + (form === 'llama-winogrande' ? ending : ` ${ending}`);
}

export function shownTask({ prompt, answers }: TaskItem): string {
  return `${prompt} ${answers[0] ?? ''}`;
}
