import { z } from 'zod';
import { messageOf, UsageError } from '../util/errors.ts';
import { normalizeAnswer, numbersIn, sameLabel } from './answer-text.ts';
import { MATCHES, type TaskItem } from './tasks.ts';

const text = z.string().regex(/\S/, 'expected some text');

/** One line of a task file. */
const line = z.strictObject({
  task: text,
  prompt: text,
  answer: z.union([text, z.array(text).min(1)], { error: 'expected some text or a list of such' }),
  match: z.enum(MATCHES).default('exact'),
  labels: z.array(text).min(2).optional(),
  maxTokens: z.int().positive().optional(),
});

/**
 * Reads a task file: JSON Lines, one item a line, blank lines allowed.
 *
 *     {"task": "math", "prompt": "What is 6 x 7?", "answer": "42", "match": "number"}
 *     {"task": "topic", "prompt": "...", "answer": "music", "match": "label", "labels": ["music", "sports"]}
 *
 * `answer` may be a list of alternatives; `match` is `exact` where it is left out; `maxTokens` bounds the reply.
 * @param source how errors name the file
 * @throws UsageError `tasks/invalid` naming line and field, or `tasks/empty`
 */
export function parseTasks(content: string, source: string): TaskItem[] {
  const items: TaskItem[] = [];
  const lines = content.replace(/^\uFEFF/, '').split('\n');
  for (const [index, raw] of lines.entries()) {
    if (raw.trim() === '') continue;
    items.push(parseLine(raw, `${source}, line ${index + 1}`));
  }
  if (items.length === 0) {
    throw new UsageError('tasks/empty', `${source} holds no tasks, need at least 1`, {
      hint: 'Give --tasks a file of JSON Lines such as {"task": "math", "prompt": "What is 6 x 7?", "answer": "42"}.',
    });
  }
  return items;
}

function parseLine(raw: string, where: string): TaskItem {
  let json: unknown;
  try {
    json = JSON.parse(raw);
  } catch (cause) {
    throw invalid(where, null, `not JSON: ${messageOf(cause)}`);
  }
  const result = line.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0];
    if (issue?.code === 'unrecognized_keys') {
      throw invalid(
        where,
        issue.keys[0] ?? null,
        `unknown, expected one of ${Object.keys(line.shape).join(', ')}`,
      );
    }
    throw invalid(where, issue?.path.join('.') || null, issue?.message ?? 'invalid');
  }
  const { task, prompt, answer, match, labels, maxTokens } = result.data;
  const answers = typeof answer === 'string' ? [answer] : answer;
  const base = { task, prompt, answers, maxTokens: maxTokens ?? null };
  if (match === 'label') {
    checkLabels(labels, answers, where);
    return { ...base, match, labels };
  }
  if (labels !== undefined) throw invalid(where, 'labels', `of use only with match "label", got "${match}"`);
  for (const each of answers) checkAnswer(each, match, where);
  return { ...base, match };
}

function checkLabels(
  labels: readonly string[] | undefined,
  answers: readonly string[],
  where: string,
): asserts labels is string[] {
  if (labels === undefined)
    throw invalid(where, 'labels', 'missing, match "label" needs the labels to choose from');
  const twice = labels.find((label, i) => labels.slice(i + 1).some((other) => sameLabel(label, other)));
  if (twice !== undefined) throw invalid(where, 'labels', `"${twice}" is there twice`);
  const stray = answers.find((answer) => !labels.some((label) => sameLabel(label, answer)));
  if (stray !== undefined)
    throw invalid(where, 'answer', `"${stray}" is none of the labels ${labels.join(', ')}`);
}

/** An answer that its match could never find, or would find everywhere, is a mistake in the file. */
function checkAnswer(answer: string, match: Exclude<TaskItem['match'], 'label'>, where: string): void {
  switch (match) {
    case 'exact':
      return;
    case 'number': {
      const { length } = numbersIn(answer);
      if (length !== 1)
        throw invalid(where, 'answer', `"${answer}" holds ${length} numbers, match "number" needs 1`);
      return;
    }
    case 'normalized':
    case 'contains':
    case 'contains-all':
      if (normalizeAnswer(answer) === '') {
        throw invalid(where, 'answer', `"${answer}" is punctuation alone, which match "${match}" ignores`);
      }
      if (match !== 'normalized' && /^(?:an?|the)(?: (?:an?|the))*$/.test(normalizeAnswer(answer))) {
        throw invalid(
          where,
          'answer',
          `"${answer}" is an article, which match "${match}" ignores: use match "label"`,
        );
      }
  }
}

function invalid(where: string, field: string | null, what: string): UsageError {
  const place = field === null ? where : `${where}, field "${field}"`;
  return new UsageError('tasks/invalid', `${place}: ${what}`);
}
