import { z } from 'zod';
import { messageOf, UsageError } from '../util/errors.ts';
import { normalizeAnswer, numbersIn, sameLabel } from './answer-text.ts';
import { benchmarkTask } from './benchmark-tasks.ts';
import { type InvalidLine, parseJsonLines, readLine } from './json-lines.ts';
import { MATCHES, type Match, type TaskItem } from './tasks.ts';

const text = z.string().regex(/\S/, 'expected some text');

/** One line of a task file. */
const line = z.strictObject({
  task: text,
  prompt: text,
  answer: z.union([text, z.array(text).min(1)], { error: 'expected some text or a list of such' }),
  match: z.enum(MATCHES).optional(),
  labels: z.array(text).min(2).optional(),
  maxTokens: z.int().positive().optional(),
});

/**
 * Reads a task file: JSON Lines, one item a line, blank lines allowed.
 *
 *     {"task": "math", "prompt": "What is 6 x 7?", "answer": "42", "match": "number"}
 *     {"task": "topic", "prompt": "...", "answer": "music", "match": "label", "labels": ["music", "sports"]}
 *
 * `answer` may be a list of alternatives; `maxTokens` bounds the reply. Where `match` is left out it is `label` for an
 * item with labels, `number` where each answer is a number and nothing else, and `contains` otherwise.
 * Lines of GSM8K and IFEval are read as they are published.
 * @param source how errors name the file
 * @throws UsageError `tasks/invalid` naming line and field, or `tasks/empty`
 */
export function parseTasks(content: string, source: string): TaskItem[] {
  const items = parseJsonLines(
    content,
    source,
    'tasks/invalid',
    (raw, invalid) => benchmarkTask(raw, invalid) ?? taskOf(readLine(line, raw, invalid), invalid),
  );
  if (items.length === 0) {
    throw new UsageError('tasks/empty', `${source} holds no tasks, need at least 1`, {
      hint: 'Give --tasks a file of JSON Lines such as {"task": "math", "prompt": "What is 6 x 7?", "answer": "42"}.',
    });
  }
  return items;
}

function taskOf(
  { task, prompt, answer, match: asked, labels, maxTokens }: z.infer<typeof line>,
  invalid: InvalidLine,
): TaskItem {
  const answers = typeof answer === 'string' ? [answer] : answer;
  const base = { task, prompt, answers, maxTokens: maxTokens ?? null };
  const match = asked ?? usualMatch(answers, labels);
  if (match === 'label') {
    checkLabels(labels, answers, invalid);
    return { ...base, match, labels };
  }
  if (labels !== undefined) throw invalid('labels', `of use only with match "label", got "${match}"`);
  for (const each of answers) checkAnswer(each, match, invalid);
  return { ...base, match };
}

function usualMatch(answers: readonly string[], labels: readonly string[] | undefined): Match {
  if (labels !== undefined) return 'label';
  return answers.every((answer) => /^[-−]?[\d.,\s]+$/.test(answer) && numbersIn(answer).length === 1)
    ? 'number'
    : 'contains';
}

function checkLabels(
  labels: readonly string[] | undefined,
  answers: readonly string[],
  invalid: InvalidLine,
): asserts labels is string[] {
  if (labels === undefined) throw invalid('labels', 'missing, match "label" needs the labels to choose from');
  const twice = labels.find((label, i) => labels.slice(i + 1).some((other) => sameLabel(label, other)));
  if (twice !== undefined) throw invalid('labels', `"${twice}" is there twice`);
  const stray = answers.find((answer) => !labels.some((label) => sameLabel(label, answer)));
  if (stray !== undefined) throw invalid('answer', `"${stray}" is none of the labels ${labels.join(', ')}`);
}

/** An answer that its match could never find, or would find everywhere, is a mistake in the file. */
function checkAnswer(answer: string, match: Exclude<Match, 'label'>, invalid: InvalidLine): void {
  switch (match) {
    case 'exact':
      return;
    case 'regex':
      try {
        new RegExp(answer, 'u');
      } catch (cause) {
        throw invalid('answer', messageOf(cause));
      }
      return;
    case 'number': {
      const { length } = numbersIn(answer);
      if (length !== 1)
        throw invalid('answer', `"${answer}" holds ${length} numbers, match "number" needs 1`);
      return;
    }
    case 'normalized':
    case 'contains':
    case 'contains-all':
      if (normalizeAnswer(answer) === '') {
        throw invalid('answer', `"${answer}" is punctuation alone, which match "${match}" ignores`);
      }
      if (match !== 'normalized' && /^(?:an?|the)(?: (?:an?|the))*$/.test(normalizeAnswer(answer))) {
        throw invalid(
          'answer',
          `"${answer}" is an article, which match "${match}" ignores: use match "label"`,
        );
      }
  }
}
