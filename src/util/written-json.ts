import { messageOf } from './errors.ts';

/**
 * JSON that a person wrote. JSON.parse takes the last of two keys of one name and says nothing, which would lose a
 * gate, a rule or a phone without a word.
 * @throws Error that says what is wrong and where
 */
export async function parseWrittenJson(text: string): Promise<unknown> {
  const content = text.replace(/^\uFEFF/, '');
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (cause) {
    throw new Error(`not JSON: ${messageOf(cause)}`, { cause });
  }
  // Node sees the package's names under `default` alone, bundlers and tsx take its other build and see them plainly.
  const parser = await import('jsonc-parser');
  const { visit } = parser.default ?? parser;
  const open: Map<string, number>[] = [];
  visit(content, {
    onObjectBegin: () => {
      open.push(new Map());
    },
    onObjectEnd: () => {
      open.pop();
    },
    onObjectProperty: (name, _offset, _length, line) => {
      const first = open.at(-1)?.get(name);
      if (first !== undefined)
        throw new Error(`${JSON.stringify(name)} is there twice: in line ${first} and in line ${line + 1}`);
      open.at(-1)?.set(name, line + 1);
    },
  });
  return parsed;
}
