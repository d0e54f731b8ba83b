/** Statements that open a block, and the one that closes each. */
const CLOSED_BY: ReadonlyMap<string, string> = new Map(
  ['for', 'if', 'macro', 'call', 'filter', 'generation', 'set'].map((name) => [name, `end${name}`]),
);
/** A comment, an expression or a statement. Texts in quotes may hold what looks like an end. */
const TAG =
  /\{#[\s\S]*?#\}|\{(?:%[-+]?\s*(\w+)|\{)((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^"'])*?)[-+]?[%}]\}/g;
const MOST_TAGS = 10_000;

/**
 * The first block of a Jinja template that does not end, or end that belongs to no block, with its place; null where
 * blocks are sound.
 */
export function blockFault(text: string): string | null {
  const open: { readonly name: string; readonly at: number }[] = [];
  let count = 0;
  for (const { 1: name, 2: rest = '', index } of text.matchAll(TAG)) {
    if (name === undefined) continue;
    if (count++ > MOST_TAGS) return null;
    if (name.startsWith('end')) {
      const last = open.pop();
      if (last === undefined) return `${name} at ${placeOf(text, index)} closes nothing`;
      if (CLOSED_BY.get(last.name) !== name)
        return `${name} at ${placeOf(text, index)}, where the ${last.name} of ${placeOf(text, last.at)} is open`;
    } else if (CLOSED_BY.has(name) && !(name === 'set' && rest.includes('='))) {
      open.push({ name, at: index });
    }
  }
  const first = open[0];
  return first === undefined
    ? null
    : `the ${first.name} of ${placeOf(text, first.at)} has no ${CLOSED_BY.get(first.name)}`;
}

function placeOf(text: string, index: number): string {
  const before = text.slice(0, index);
  const line = before.split('\n').length;
  return `line ${line}, column ${index - before.lastIndexOf('\n')}`;
}
