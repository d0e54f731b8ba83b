import { printable } from '../text-width.ts';

/** Markup that is safe to stand in a page as it is. Only `html` and `raw` make it. */
export class Markup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

type Part = string | number | Markup | null | readonly Part[];

/**
 * Markup from a template. What is put in is text unless it is markup already, so a model's name cannot become a tag;
 * attribute values must be quoted in the template. Nulls are nothing, lists are joined.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(
    strings.reduce(
      (text, string, index) => text + string + (index < parts.length ? written(parts[index]) : ''),
      '',
    ),
  );
}

/** Text of our own that is markup: style, script, a drawing. */
export function raw(text: string): Markup {
  return new Markup(text);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A space as wide as a digit pads figures; it must outlive the folding of white space. */
const FIGURE_SPACE = '\u2007';
const STAND_IN = '\uE000';

export function escapeText(text: string): string {
  // A space at an end parts the text from what the template puts beside it.
  const edge = (pattern: RegExp) => (pattern.test(text) ? ' ' : '');
  const line = printable(text.replaceAll(FIGURE_SPACE, STAND_IN));
  return (line === '' ? edge(/\s/) : edge(/^\s/) + line + edge(/\s$/))
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
    .replaceAll(STAND_IN, FIGURE_SPACE);
}

function written(part: Part | undefined): string {
  if (part === null || part === undefined) return '';
  if (part instanceof Markup) return part.toString();
  if (Array.isArray(part)) return part.map((each: Part) => written(each)).join('');
  return escapeText(String(part));
}
