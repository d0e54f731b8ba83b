import { InvalidArgumentError } from 'commander';
import type { ChoiceParser } from '../choices.ts';
import { MOST_TOKENS } from '../options.ts';

const RANGE = /^(\d+)-(\d+)(?:([+*])(\d+))?$/;

/**
 * Whole numbers separated by commas, each a number or one of llama-bench's ranges: `1-8` counts by one, `1-9+4` by four,
 * `1-8*2` doubles.
 */
export function numberList(minimum: number, most = MOST_TOKENS) {
  return (text: string): number[] => {
    const numbers = text.split(',').flatMap((part) => expand(part.trim()));
    for (const number of numbers) {
      if (number < minimum || number > most) throw wrongList(minimum, most);
    }
    return [...new Set(numbers)];
    function expand(part: string): number[] {
      if (/^\d+$/.test(part)) return [Number(part)];
      const [, first, last, kind = '+', by = '1'] = RANGE.exec(part) ?? [];
      if (first === undefined || last === undefined) throw wrongList(minimum, most);
      return range(Number(first), Number(last), kind === '*' ? (n) => n * Number(by) : (n) => n + Number(by));
    }
  };
}

/** Ends where a step does not grow: the list is then as wrong as one without an end. */
function range(first: number, last: number, next: (n: number) => number): number[] {
  const numbers: number[] = [];
  for (let n = first; n <= last; n = next(n)) {
    numbers.push(n);
    if (next(n) <= n || numbers.length > 1000) {
      throw new InvalidArgumentError('Give a range that ends within 1000 steps.');
    }
  }
  if (numbers.length === 0) throw new InvalidArgumentError('Give a range from a smaller to a larger number.');
  return numbers;
}

function wrongList(minimum: number, most: number): InvalidArgumentError {
  return new InvalidArgumentError(
    `Give whole numbers from ${minimum} to ${most} separated by commas, or ranges such as 1-8, 1-9+4, 1-8*2.`,
  );
}

/** Words of `choices` separated by commas, in the order given, each once. */
export function choiceList<Choice extends string>(
  choices: readonly Choice[],
  also: Readonly<Record<string, Choice>> = {},
): ChoiceParser<Choice[]> {
  const parse = (text: string): Choice[] => {
    const chosen = text.split(',').map((word): Choice => {
      const asked = also[word.trim()] ?? word.trim();
      const found = choices.find((choice) => choice === asked);
      if (found === undefined)
        throw new InvalidArgumentError(`"${word.trim()}" is none of ${choices.join(', ')}.`);
      return found;
    });
    return [...new Set(chosen)];
  };
  return Object.assign(parse, { choices });
}

/** As {@link numberList}, where `word` may stand for a number. */
export function numberListOr<Word extends string>(word: Word, minimum: number, most = MOST_TOKENS) {
  const numbers = numberList(minimum, most);
  return (text: string): (number | Word)[] => {
    const values = text
      .split(',')
      .flatMap((part): (number | Word)[] => (part.trim() === word ? [word] : numbers(part)));
    return [...new Set(values)];
  };
}

export type Pair = readonly [promptTokens: number, generationTokens: number];

/** A prompt and a generation timed as one, `512,128`; the option may be given several times. */
export function promptAndGeneration(text: string, before: readonly Pair[] = []): Pair[] {
  const [prompt, generation, ...more] = text.split(',').map((part) => part.trim());
  const whole = (part: string | undefined) =>
    /^\d+$/.test(part ?? '') && Number(part) > 0 && Number(part) <= MOST_TOKENS;
  if (!whole(prompt) || !whole(generation) || more.length > 0) {
    throw new InvalidArgumentError('Give the tokens of a prompt and of a generation, such as 512,128.');
  }
  return [...before, [Number(prompt), Number(generation)]];
}
