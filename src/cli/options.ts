import { InvalidArgumentError } from 'commander';
import { parseBytes } from '../util/units.ts';
import type { ChoiceParser } from './choices.ts';

/** Parsers of option values: commander prints their message with the option's name. */

export function wholeNumber(minimum: number, most = Number.MAX_SAFE_INTEGER) {
  const bound = most < Number.MAX_SAFE_INTEGER ? ` and at most ${most}` : '';
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < minimum || value > most) {
      throw new InvalidArgumentError(`Give a whole number of at least ${minimum}${bound}.`);
    }
    return value;
  };
}

/** Beyond this a number of tokens is a slip: no model has such a context, and it would fill any memory. */
export const MOST_TOKENS = 10_000_000;
/** GGML_MAX_N_THREADS (ggml.h). ggml makes as many as it is told, which takes a machine down. */
export const MOST_THREADS = 512;

/** Seeds are of 32 bits: a larger one would be another's draw. */
export const MOST_SEED = 2 ** 32 - 1;

export function tokenCount(minimum: number) {
  return wholeNumber(minimum, MOST_TOKENS);
}

export const threadCount = wholeNumber(1, MOST_THREADS);

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('Give a number above 0.');
  }
  return value;
}

/** A percentage from 0 to 100, as a fraction. */
export function percentage(text: string): number {
  const value = Number(text.replace(/\s*%$/, ''));
  if (text.trim() === '' || !Number.isFinite(value) || value < 0 || value > 100) {
    throw new InvalidArgumentError('Give a percentage from 0 to 100.');
  }
  return value / 100;
}

/** Some of `choices`, separated by commas, each once and in their own order. */
export function listOf<Choice extends string>(choices: readonly Choice[]): ChoiceParser<Choice[]> {
  const parse = (text: string): Choice[] => {
    const asked = text.split(',').map((word) => word.trim());
    const unknown = asked.find((word) => !choices.some((choice) => choice === word));
    if (unknown !== undefined) {
      throw new InvalidArgumentError(`"${unknown}" is none of ${choices.join(', ')}.`);
    }
    return choices.filter((choice) => asked.includes(choice));
  };
  return Object.assign(parse, { choices });
}

export function layers(text: string): number | 'max' {
  return text === 'max' ? 'max' : wholeNumber(0)(text);
}

/** `auto` finds the fastest count for prompts and for generation. */
export function threads(text: string): number | 'auto' {
  return text === 'auto' ? 'auto' : threadCount(text);
}

/** Names separated by commas; the option may be repeated. */
export function names(text: string, before: readonly string[] = []): string[] {
  const named = text.split(',').map((name) => name.trim());
  if (named.some((name) => name === '')) throw new InvalidArgumentError('Give names separated by commas.');
  return [...before, ...named];
}

/** Bytes: a number with a unit, decimal (GB) or binary (GiB). */
export function fileSize(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined) throw new InvalidArgumentError('Give a size such as 3GB, 2.5GiB or 800MB.');
  return bytes;
}
