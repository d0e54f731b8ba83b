import { readFileSync } from 'node:fs';
import { choicesOf } from '../../src/measure/choices.ts';
import { parseTasks } from '../../src/measure/task-file.ts';

/** A question with four answers. */
export interface Question {
  readonly prompt: string;
  readonly choices: readonly string[];
  readonly answer: number;
}

/** Questions made of the tasks that ship, in one line each. */
export function questionsOf(set: 'nano' | 'general', most: number): Question[] {
  const path = new URL(`../../fixtures/${set}/tasks.jsonl`, import.meta.url);
  const inOneLine = (text: string) => text.replaceAll(/\s+/g, ' ').trim();
  return choicesOf(parseTasks(readFileSync(path, 'utf8'), 'tasks.jsonl'))
    .filter(({ choices }) => choices.length === 4)
    .slice(0, most)
    .map(({ prompt, choices, answer }) => ({
      prompt: inOneLine(prompt),
      choices: choices.map(inOneLine),
      answer,
    }));
}

/** As llama-perplexity --hellaswag reads them. */
export function hellaSwagText(questions: readonly Question[]): string {
  return questions
    .map(({ prompt, answer, choices }) => `${[prompt, answer, ...choices].join('\n')}\n`)
    .join('');
}

/** As llama-perplexity --multiple-choice reads them. */
export function taskBinary(questions: readonly Question[]): Buffer {
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const text = (value: string) => Buffer.concat([number(Buffer.byteLength(value)), Buffer.from(value)]);
  const items = questions.map(({ prompt, choices, answer }) =>
    Buffer.concat([
      text(prompt),
      number(choices.length),
      ...choices.map(text),
      ...choices.map((_, i) => number(i === answer ? 1 : 0)),
      number(0),
    ]),
  );
  let at = 4 + 4 * items.length;
  const positions = items.map(({ length }) => {
    at += length;
    return number(at - length);
  });
  return Buffer.concat([number(items.length), ...positions, ...items]);
}

const NAMES = ['Anna', 'Boris', 'Carla', 'Dimitri', 'Elif', 'Farid', 'Greta', 'Hugo'];
/** Some end right after the blank: llama-perplexity weighs those in another way. */
const SENTENCES = [
  'A lent B a coat because _ felt cold on the long walk home.',
  'A thanked B for the soup that _ had cooked the evening before.',
  'A could not lift the box that B lifted, so the stronger one is _.',
  '"A, wait, the train is late," said B, and then _ sat down on the bench again.',
  'A beat B at chess, for nobody in town plays as well as _ does.',
  'A passed the test and B failed it, although _ had slept much longer.',
  'A paid for B since _ had left the purse at home that morning.',
  'A is taller than B, so the short one must be _!',
];

/** As llama-perplexity --winogrande reads them; a sentence with commas stands in quotes. */
export function winoGrandeCsv(): string {
  return SENTENCES.flatMap((sentence, s) =>
    NAMES.map((name, n) => {
      const other = NAMES[(n + (s % 7) + 1) % NAMES.length] ?? '';
      const named = sentence.replaceAll('"', '').replace(/\bA\b/, name).replace(/\bB\b/, other);
      const first = named.includes(',') ? `"${named}"` : named;
      return `${s * NAMES.length + n},${first},${name},${other},${((s + n) % 2) + 1}\n`;
    }),
  ).join('');
}

/**
 * The order in which llama-perplexity --hellaswag takes its items: std::uniform_int_distribution of libstdc++ over
 * std::mt19937(1), each taken out of those left.
 */
export function hellaSwagOrder(count: number): number[] {
  const next = mersenneTwister(1);
  const left = Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: count }, () => left.splice(below(left.length, next), 1)[0] ?? 0);
}

/** Lemire's nearly divisionless method (arXiv 1805.10941). */
function below(bound: number, next: () => number): number {
  const range = BigInt(bound);
  const two32 = 1n << 32n;
  let product = BigInt(next()) * range;
  if (product % two32 < range) {
    const threshold = (two32 - range) % range;
    while (product % two32 < threshold) product = BigInt(next()) * range;
  }
  return Number(product >> 32n);
}

/** Matsumoto and Nishimura, ACM TOMACS 8 (1998), 3-30. */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) {
    const before = state[i - 1] ?? 0;
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
  }
  let at = 624;
  return () => {
    if (at === 624) {
      for (let i = 0; i < 624; i++) {
        const mixed = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % 624] ?? 0) & 0x7fffffff);
        state[i] = (state[(i + 397) % 624] ?? 0) ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
      }
      at = 0;
    }
    let value = state[at++] ?? 0;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    value ^= value >>> 18;
    return value >>> 0;
  };
}
