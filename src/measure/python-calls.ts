import type { ToolCall } from '../engine/replies.ts';

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([\w.]+)|([^\s]))/suy;

/** Of deeper values no call is made. */
const MOST_DEPTH = 32;

/**
 * Calls as Python writes them, `[get_weather(city="Oslo", days=3), …]` or one alone: the form of Llama 4 and LFM2.
 * null for a text that is anything else.
 */
export function pythonCalls(text: string): ToolCall[] | null {
  const tokens = tokensOf(text);
  if (tokens === null) return null;
  let at = 0;
  let failed = false;
  const next = () => tokens[at];
  const take = (sign: string): boolean => {
    if (next()?.sign !== sign) return false;
    at += 1;
    return true;
  };
  const fail = (): null => {
    failed = true;
    return null;
  };
  /** Elements up to a closing sign. */
  const list = <Element>(close: string, element: () => Element): Element[] => {
    const elements: Element[] = [];
    while (!failed && !take(close)) {
      elements.push(element());
      if (!take(',') && next()?.sign !== close) fail();
    }
    return elements;
  };
  const value = (depth: number): unknown => {
    const token = next();
    if (token === undefined || depth > MOST_DEPTH) return fail();
    at += 1;
    if ('value' in token) return token.value;
    if (token.sign === '[') return list(']', () => value(depth + 1));
    if (token.sign !== '{') return fail();
    return Object.fromEntries(
      list('}', () => {
        const key = value(depth + 1);
        if (typeof key !== 'string' || !take(':')) fail();
        return [String(key), value(depth + 1)];
      }),
    );
  };
  const word = (): string => {
    const token = next();
    at += 1;
    if (token?.word !== undefined) return token.word;
    fail();
    return '';
  };
  const call = (): ToolCall => {
    const name = word();
    if (!take('(')) fail();
    const given = list(')', () => {
      const key = word();
      if (!take('=')) fail();
      return [key, value(0)] as const;
    });
    return { name, arguments: Object.fromEntries(given) };
  };
  const calls = take('[') ? list(']', call) : list('', call);
  return failed || calls.length === 0 || next()?.sign !== '' ? null : calls;
}

interface Token {
  readonly sign: string;
  readonly word?: string;
  readonly value?: unknown;
}

const CONSTANTS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['True', true],
  ['False', false],
  ['None', null],
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** An empty sign ends them. */
function tokensOf(text: string): Token[] | null {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const whole = text.trimEnd();
  while (TOKEN.lastIndex < whole.length) {
    const match = TOKEN.exec(whole);
    if (match === null) return null;
    const [, quoted, number, word, sign] = match;
    if (quoted !== undefined) tokens.push({ sign: 'text', value: unquoted(quoted) });
    else if (number !== undefined) tokens.push({ sign: 'number', value: Number(number) });
    else if (word !== undefined)
      tokens.push(
        CONSTANTS.has(word) ? { sign: 'word', word, value: CONSTANTS.get(word) } : { sign: 'word', word },
      );
    else tokens.push({ sign: sign ?? '' });
  }
  return [...tokens, { sign: '' }];
}

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/gs, (_, sign: string) => (sign === 'n' ? '\n' : sign));
}
