import { basename } from 'node:path';
import { UsageError } from '../util/errors.ts';
import type { ChoiceItem } from './choices.ts';

/** The files that llama-perplexity reads (tools/perplexity/perplexity.cpp). */

const HELLASWAG_LINES = 6;

/** Six lines an item: the context, the index of the right ending, four endings. */
export function parseHellaSwagText(content: string, source: string): ChoiceItem[] {
  const lines = content.replace(/\n$/, '').split('\n');
  if (lines.length % HELLASWAG_LINES !== 0) {
    throw invalid(
      source,
      lines.length,
      `it has ${lines.length} lines, expected 6 an item (context, index of the right ending, 4 endings)`,
    );
  }
  return Array.from({ length: lines.length / HELLASWAG_LINES }, (_, index) => {
    const at = index * HELLASWAG_LINES;
    const [context = '', label = '', ...endings] = lines.slice(at, at + HELLASWAG_LINES);
    if (!/^\s*[0-3]\s*$/.test(label)) {
      throw invalid(source, at + 2, `"${label.slice(0, 40)}", expected the right ending's index, 0 to 3`);
    }
    return sharedItem('hellaswag', context, endings, Number(label));
  });
}

/** `index,sentence with _,first,second,1 or 2`; a sentence may stand in quotes. */
export function parseWinoGrandeCsv(content: string, source: string): ChoiceItem[] {
  return content.split('\n').flatMap((line, index): ChoiceItem[] => {
    if (line.trim() === '') return [];
    const commas = separatorsOf(line);
    const [first, second, third, fourth] = commas;
    if (first === undefined || second === undefined || third === undefined || fourth === undefined) {
      throw invalid(source, index + 1, `${commas.length + 1} columns, expected 5`);
    }
    const quoted = line[first + 1] === '"';
    const sentence = line.slice(first + (quoted ? 2 : 1), second - (quoted ? 1 : 0));
    const blank = sentence.indexOf('_');
    if (blank < 0) throw invalid(source, index + 1, 'the sentence has no _');
    const answer = line.slice(fourth + 1).trim();
    if (!/^[12]$/.test(answer)) throw invalid(source, index + 1, `answer "${answer}", expected 1 or 2`);
    return [
      {
        ...sharedItem('winogrande', sentence.slice(0, blank), [], Number(answer) - 1),
        form: 'llama-winogrande',
        choices: [line.slice(second + 1, third), line.slice(third + 1, fourth)],
        ending: sentence.slice(blank + 1),
      },
    ];
  });
}

/** The first four commas that are not within quotes. */
function separatorsOf(line: string): number[] {
  const commas: number[] = [];
  let isQuoted = false;
  for (let at = 0; at < line.length && commas.length < 4; at++) {
    if (line[at] === '"') isQuoted = !isQuoted;
    else if (line[at] === ',' && !isQuoted) commas.push(at);
  }
  return commas;
}

/** The most answers that llama-perplexity takes. */
const MOST_ANSWERS = 100;

/** A count of items, then as many positions, of which the first is right behind them. */
export function isTaskBinary(content: Buffer): boolean {
  if (content.length < 8) return false;
  const count = content.readUInt32LE(0);
  const start = 4 + 4 * count;
  return count > 0 && start < content.length && [0, start].includes(content.readUInt32LE(4));
}

/**
 * Little-endian:
 *
 *     u32 items | u32 position of each
 *     an item:   string question | answers with one right | answers with several right, not used
 *     answers:   u32 count | count strings | count i32, 1 for a right one
 *     string:    u32 bytes | UTF-8
 */
export function parseTaskBinary(content: Buffer, source: string): ChoiceItem[] {
  const task = basename(source).replace(/\.bin$/, '');
  let at = 4 + 4 * content.readUInt32LE(0);
  const number = (): number => {
    if (at + 4 > content.length) throw cut(source, at, 4, content.length - at);
    at += 4;
    return content.readUInt32LE(at - 4);
  };
  const string = (): string => {
    const length = number();
    if (at + length > content.length) throw cut(source, at, length, content.length - at);
    at += length;
    return content.toString('utf8', at - length, at);
  };
  const answers = (): { readonly texts: string[]; readonly right: number } => {
    const count = number();
    if (count > MOST_ANSWERS) {
      throw new UsageError(
        'choices/invalid',
        `${source}, byte ${at - 4}: ${count} answers, expected at most 100`,
      );
    }
    const texts = Array.from({ length: count }, string);
    return { texts, right: Array.from({ length: count }, number).indexOf(1) };
  };
  return Array.from({ length: content.readUInt32LE(0) }, (_, index) => {
    const question = string();
    const { texts, right } = answers();
    answers();
    if (texts.length < 2 || right < 0) {
      throw new UsageError(
        'choices/invalid',
        `${source}, item ${index + 1}: ${texts.length} answers of which ${right < 0 ? 'none' : 'one'} is right, expected at least 2 and one`,
      );
    }
    return sharedItem(task, question, texts, right);
  });
}

function sharedItem(task: string, prompt: string, choices: readonly string[], answer: number): ChoiceItem {
  return {
    task,
    form: 'llama-perplexity',
    before: '',
    prompt,
    choices,
    ending: null,
    answer,
    measures: ['acc_token'],
  };
}

function invalid(source: string, line: number, what: string): UsageError {
  return new UsageError('choices/invalid', `${source}, line ${line}: ${what}`, {
    hint: 'quantscope eval --list-benchmarks says which forms are read.',
  });
}

function cut(source: string, at: number, needed: number, left: number): UsageError {
  return new UsageError('choices/invalid', `${source}, byte ${at}: ${left} bytes left, need ${needed}`, {
    hint: 'The file is not whole: fetch it again.',
  });
}
