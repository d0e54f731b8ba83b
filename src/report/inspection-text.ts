/**
 * Texts from a file, made harmless by showing what is hidden in them: an inspector that leaves out an escape
 * sequence or a direction mark leaves out the most interesting thing about a name.
 */

/** Control, format and invisible characters, line separators, lone surrogates: what moves, recolors or reorders. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const HIDDEN_BUT_LAYOUT = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One line in which hidden characters are written as escapes: `\n`, `\x1b`, `\u202e`. */
export function visible(text: string): string {
  return text.replaceAll(HIDDEN, (character) => SHORT_ESCAPES[character] ?? escaped(character));
}

/** {@link visible}, cut after some 200 characters: a value of a megabyte is not a fact for a page. */
export function brief(text: string): string {
  const shown = visible(text.slice(0, MOST_BRIEF));
  return text.length > MOST_BRIEF ? `${shown}…` : shown;
}

const MOST_BRIEF = 200;

/** Like {@link visible}, but lines stay lines and tabs stay tabs: for templates. */
export function visibleLines(text: string): string {
  return text.replaceAll(HIDDEN_BUT_LAYOUT, (character) => SHORT_ESCAPES[character] ?? escaped(character));
}

/** A text in quotes that can be told from any other: backslashes and quotes are escaped too. */
export function quoted(text: string): string {
  return `"${visible(text.replaceAll(/[\\"]/g, '\\$&'))}"`;
}

/** JSON of the same value whose hidden characters are `\u` escapes, which readers turn back. */
export function harmlessJson(value: unknown, indent = 2): string {
  const json = JSON.stringify(value, null, indent);
  // The line breaks of the layout are the only control characters that JSON.stringify leaves.
  return json.replaceAll(HIDDEN_BUT_LAYOUT, (character) =>
    Array.from({ length: character.length }, (_, index) => `\\u${hex(character.charCodeAt(index), 4)}`).join(
      '',
    ),
  );
}

/** Of a list that is written item by item: what is shorter is small as text. */
const LONG_LIST = 256;

/** The lines of {@link harmlessJson} of an object, whose long lists never stand in memory as text. */
export function harmlessJsonLines(value: object): Generator<string> {
  return linesOf(value, '', '', 0);
}

function* linesOf(value: unknown, before: string, after: string, spaces: number): Generator<string> {
  const fields = isLong(value) ? Object.entries(value).filter(([, each]) => each !== undefined) : [];
  if (fields.length === 0) {
    yield `${before}${inner(value, spaces)}${after}`;
    return;
  }
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const pad = ' '.repeat(spaces);
  yield `${before}${open}`;
  for (const [index, [key, field]] of fields.entries()) {
    const name = Array.isArray(value) ? '' : `${harmlessJson(key)}: `;
    yield* linesOf(field, `${pad}  ${name}`, index < fields.length - 1 ? ',' : '', spaces + 2);
  }
  yield `${pad}${close}${after}`;
}

/** A long list, or an object that has one in it. */
function isLong(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.length >= LONG_LIST;
  return Object.values(value).some(isLong);
}

/** JSON that stands so many spaces from the edge. */
function inner(value: unknown, spaces: number): string {
  return harmlessJson(value).replaceAll('\n', `\n${' '.repeat(spaces)}`);
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${hex(code, 2)}`;
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 1)}}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
