import {
  containsWords,
  countMatches,
  firstLabelIn,
  normalizeAnswer,
  numbersIn,
  sameLabel,
} from './answer-text.ts';
import { judgeGsm8k, judgeIfeval } from './benchmark-tasks.ts';
import type { Judged, TaskItem } from './tasks.ts';

/** Decides a reply, by each measure of its kind. */
export function judge(item: TaskItem, reply: string): Judged {
  if (item.match === 'gsm8k') return judgeGsm8k(item, reply);
  if (item.match === 'ifeval') return judgeIfeval(item, reply);
  return { correct: isCorrect(item, reply) };
}

/**
 * Decides a reply by the match of its item; what the words mean:
 *
 * - `exact`: it equals an answer, white space around them aside.
 * - `normalized`: its first line with words, or the whole of it, equals an answer in the words that count.
 * - `number`: its last number equals an answer's; separators, trailing zeros and units do not count.
 * - `label`: the label it mentions first is an answer.
 * - `contains`: an answer's words occur in it, in a row.
 * - `contains-all`: every answer's words do.
 * - `regex`: an answer, a regular expression, matches it somewhere.
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
    case 'gsm8k':
      return judgeGsm8k(item, reply).correct;
    case 'ifeval':
      return judgeIfeval(item, reply).correct;
    case 'regex':
      return answers.some((answer) => countMatches(new RegExp(answer, 'u'), reply) > 0);
  }
}
