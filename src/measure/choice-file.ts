import { z } from 'zod';
import { UsageError } from '../util/errors.ts';
import { benchmarkChoice } from './benchmark-lines.ts';
import { type ChoiceItem, chatChoice } from './choices.ts';
import { parseJsonLines, readLine } from './json-lines.ts';
import { isTaskBinary, parseHellaSwagText, parseTaskBinary, parseWinoGrandeCsv } from './llama-choices.ts';

const text = z.string().regex(/\S/, 'expected some text');
const line = z.strictObject({
  task: text.default('choice'),
  prompt: text,
  choices: z.array(text).min(2, 'expected at least 2 choices'),
  answer: z.union([z.int().nonnegative(), text], { error: 'expected the right choice or its index from 0' }),
});

/**
 * Reads a file of multiple choice in whichever of these forms it is:
 *
 * - our own, JSON Lines: `{"prompt": "Capital of Peru?", "choices": ["Lima", "Quito"], "answer": "Lima"}`
 * - HellaSwag, ARC, MMLU or WinoGrande as they are published, JSON Lines, which lm-evaluation-harness reads
 * - what llama-perplexity reads: six lines an item (--hellaswag), CSV (--winogrande), binary (--multiple-choice)
 *
 * @param source how errors name the file
 * @throws UsageError `choices/invalid` naming line and field, or `choices/empty`
 */
export function parseChoices(content: Buffer, source: string): ChoiceItem[] {
  const items = isTaskBinary(content)
    ? parseTaskBinary(content, source)
    : parseText(content.toString('utf8').replace(/^\uFEFF/, ''), source);
  if (items.length > 0) return items;
  throw new UsageError('choices/empty', `${source} holds no questions, need at least 1`, {
    hint: 'A line looks like {"prompt": "Capital of Peru?", "choices": ["Lima", "Quito"], "answer": "Lima"}; other forms: quantscope eval --list-benchmarks.',
  });
}

function parseText(content: string, source: string): ChoiceItem[] {
  const first = content.trimStart();
  if (first === '') return [];
  if (first.startsWith('{')) return parseLines(content, source);
  return /^"?[^,\n]*"?,.*_.*,[12]\s*$/m.test(first.split('\n', 1)[0] ?? '')
    ? parseWinoGrandeCsv(content, source)
    : parseHellaSwagText(content, source);
}

function parseLines(content: string, source: string): ChoiceItem[] {
  return parseJsonLines(content, source, 'choices/invalid', (raw, invalid) => {
    const benchmark = benchmarkChoice(raw, invalid);
    if (benchmark !== null) return benchmark;
    const { task, prompt, choices, answer } = readLine(line, raw, invalid);
    const index = typeof answer === 'number' ? answer : choices.indexOf(answer);
    if (index >= 0 && index < choices.length) return chatChoice(task, prompt, choices, index);
    throw invalid('answer', `${JSON.stringify(answer)} is none of the ${choices.length} choices`);
  });
}
