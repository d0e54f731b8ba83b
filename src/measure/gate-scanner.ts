import { UsageError } from '../util/errors.ts';

/** A number as it was written, with what stands behind it. */
export interface WrittenNumber {
  readonly value: number;
  /** `%`, `GB`, `ms`, or nothing. */
  readonly unit: string;
}

const SPACE = /\s*/uy;
const WORD = /[\p{L}\p{N}_-]+/uy;
const QUOTED = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/uy;
const NUMBER = /[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?/iuy;
const UNIT = /%|[\p{L}]+(?:\/s)?/uy;
/** Whatever may stand where an operator is expected. */
const SIGNS = /[<>=!≤≥≠~&|]+|[\p{L}]+/uy;
const PLAIN_NAME = /^[\p{L}\p{N}_-]+$/u;

/** Signs that people write for ours. */
const MEANT: Readonly<Record<string, string>> = {
  '=': '==',
  '===': '==',
  '!==': '!=',
  '<>': '!=',
  '≠': '!=',
  '≤': '<=',
  '=<': '<=',
  '≥': '>=',
  '=>': '>=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  is: '==',
  under: '<',
  below: '<',
  over: '>',
  above: '>',
};

/** The text of a gate, taken piece by piece from its beginning; errors name the column, from 1. */
export class GateScanner {
  readonly where: string;
  readonly #text: string;
  #at = 0;

  constructor(text: string, where: string) {
    this.#text = text;
    this.where = `${where} ${JSON.stringify(shortened(text, 200))}`;
    if (text.trim() === '') throw this.error('the gate is empty');
    this.#match(SPACE);
  }

  static isPlainName(text: string): boolean {
    return PLAIN_NAME.test(text);
  }

  isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  take(sign: '(' | ')' | '.'): boolean {
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    this.#match(SPACE);
    return true;
  }

  takeKeyword(keyword: string): boolean {
    const start = this.#at;
    if (this.#match(WORD)?.[0].toLowerCase() === keyword) return true;
    this.#at = start;
    return false;
  }

  /** A keyword, unless `sign` follows, which makes it a name. */
  takeWordBefore(keyword: string, sign: string): boolean {
    const start = this.#at;
    if (this.takeKeyword(keyword) && this.#text[this.#at] !== sign) return true;
    this.#at = start;
    return false;
  }

  /** A word, or any text in quotes, in which a backslash stands before a quote. */
  name(what: string): { readonly text: string; readonly isQuoted: boolean } {
    const quoted = this.#match(QUOTED);
    if (quoted !== null) {
      const text = (quoted[1] ?? quoted[2] ?? '').replaceAll(/\\(.)/gu, '$1');
      return { text, isQuoted: true };
    }
    const word = this.#match(WORD);
    if (word === null) throw this.expected(what);
    return { text: word[0], isQuoted: false };
  }

  operator<Operator extends string>(operators: readonly Operator[]): Operator {
    const start = this.#at;
    const signs = this.#match(SIGNS)?.[0];
    const found = operators.find((operator) => operator === signs);
    if (found !== undefined) return found;
    this.#at = start;
    const meant = signs === undefined ? undefined : MEANT[signs.toLowerCase()];
    throw this.expected(`one of ${operators.join(' ')}`, meant === undefined ? undefined : `Write ${meant}.`);
  }

  number(): WrittenNumber {
    const digits = this.#match(NUMBER);
    if (digits === null) throw this.expected('a number');
    const value = Number(digits[0]);
    if (!Number.isFinite(value)) throw this.error(`${digits[0]} is too large a number`);
    const start = this.#at;
    const unit = this.#match(UNIT)?.[0] ?? '';
    // Words that go on with the expression are no units.
    if (!/^(?:and|or|if|of)$/i.test(unit)) return { value, unit };
    this.#at = start;
    return { value, unit: '' };
  }

  expected(what: string, hint = MANUAL): UsageError {
    const rest = this.#text.slice(this.#at);
    const got = rest === '' ? 'the end' : JSON.stringify(shortened(rest, 20));
    return this.error(`expected ${what}, got ${got}`, hint);
  }

  error(problem: string, hint = MANUAL): UsageError {
    return new UsageError('gate/syntax', `${this.where}: column ${this.#at + 1}: ${problem}`, { hint });
  }

  /** Takes what matches here and the white space behind it. */
  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    SPACE.lastIndex = this.#at + match[0].length;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
    return match;
  }
}

const MANUAL =
  'A gate is SUBJECT.FIGURE OPERATOR NUMBER, such as "Q4_K_M.divergence.meanKld > 0.05"; join them with and, or. Names with other signs go in quotes.';

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
