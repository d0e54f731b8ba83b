import { LONGEST_TEXT } from './quantity.ts';

/** One thing that a card says of one subject: a bullet, a sentence's line, a cell of a table. */
export interface Statement {
  /** From 1. */
  readonly line: number;
  /** What stands there, without Markdown's marks. */
  readonly quote: string;
  /** What the text is said of: `Size` in `**Size:** 2.2 GB`, a table's row and column; empty in prose. */
  readonly label: string;
  readonly text: string;
  /** The words of its table row that tell whose figure it is. */
  readonly row: string;
  /** The row's first cell, where its columns are more than a label and a value. */
  readonly head: string;
  /** Cells of its row that say under which context or cache type. */
  readonly conditions: string;
  /** Headings above it, outermost first. */
  readonly headings: readonly string[];
  readonly kind: 'title' | 'front matter' | 'label' | 'cell' | 'prose';
}

/** More lines than any card has are not read. */
const MOST_LINES = 20_000;

/** What a card states, line by line. Code, links' targets and pictures state nothing. */
export function statementsOf(markdown: string): Statement[] {
  const lines = markdown.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/, MOST_LINES);
  const statements: Statement[] = [];
  const headings: { readonly level: number; readonly text: string }[] = [];
  const above = (): string[] => headings.map(({ text }) => text);
  let fence: string | null = null;
  let isFrontMatter = lines[0]?.trim() === '---' && lines.slice(1).some((line) => line.trim() === '---');
  let columns: readonly string[] | null = null;
  for (const [index, raw] of lines.entries()) {
    const line = index + 1;
    const source = raw.slice(0, LONGEST_TEXT);
    if (isFrontMatter) {
      if (index > 0 && source.trim() === '---') isFrontMatter = false;
      else statements.push(...frontMatter(source, line));
      continue;
    }
    const mark = /^\s*(`{3,}|~{3,})/.exec(source)?.[1];
    if (mark !== undefined && (fence === null || (mark.startsWith(fence) && mark[0] === fence[0]))) {
      fence = fence === null ? mark : null;
      continue;
    }
    if (fence !== null) continue;
    const cells = cellsOf(source);
    if (cells !== null) {
      if (cells.every((cell) => /^:?-+:?$/.test(cell))) continue;
      if (columns === null) columns = cells.map(plainText);
      else statements.push(...rowStatements(cells.map(plainText), columns, line, above()));
      continue;
    }
    columns = null;
    const heading = /^\s{0,3}(#{1,6})\s+(.+?)\s*#*$/.exec(source);
    if (heading !== null) {
      const level = heading[1]?.length ?? 1;
      const text = plainText(heading[2] ?? '');
      if (level === 1)
        statements.push({
          line,
          quote: text,
          label: '',
          text,
          row: '',
          head: '',
          conditions: '',
          headings: [],
          kind: 'title',
        });
      while ((headings.at(-1)?.level ?? 0) >= level) headings.pop();
      headings.push({ level, text });
      continue;
    }
    const text = plainText(source.replace(/^\s*(?:[-*+]|\d+[.)]|>)\s+/, ''));
    if (text === '') continue;
    const labelled = /^([^:|→.]{1,60}?)\s*:\s+(\S.*)$/.exec(text);
    statements.push(
      labelled === null
        ? {
            line,
            quote: text,
            label: '',
            text,
            row: '',
            head: '',
            conditions: '',
            headings: above(),
            kind: 'prose',
          }
        : {
            line,
            quote: text,
            label: labelled[1] ?? '',
            text: labelled[2] ?? '',
            row: '',
            head: '',
            conditions: '',
            headings: above(),
            kind: 'label',
          },
    );
  }
  return statements;
}

/** `key: value` of the YAML head; lists and nested keys are read by no rule. */
function frontMatter(source: string, line: number): Statement[] {
  const [, label = '', value = ''] = /^([\w-]+):\s*["']?([^"'#]+?)["']?\s*$/.exec(source) ?? [];
  if (label === '') return [];
  return [
    {
      line,
      quote: source.trim(),
      label,
      text: value,
      row: '',
      head: '',
      conditions: '',
      headings: [],
      kind: 'front matter',
    },
  ];
}

function cellsOf(source: string): string[] | null {
  const trimmed = source.trim();
  if (!trimmed.startsWith('|') || !trimmed.endsWith('|') || trimmed.length < 2) return null;
  return trimmed
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** Of two columns the first is the label; of more the heading of the column, and the row says of whom. */
function rowStatements(
  cells: readonly string[],
  columns: readonly string[],
  line: number,
  headings: readonly string[],
): Statement[] {
  const [first = '', ...others] = cells;
  const base = { line, headings, head: '', conditions: '', kind: 'cell' } as const;
  if (columns.length === 2) {
    const [text = ''] = others;
    return [{ ...base, row: '', quote: `${first}: ${text}`, label: first, text }];
  }
  // A quantization under `KV cache` or `Context` is the cache's and no other file.
  const isCondition = (index: number): boolean => CONDITION.test(columns[index] ?? '');
  const row = cells.filter((_, index) => !isCondition(index)).join(' | ');
  const conditions = cells.filter((_, index) => isCondition(index)).join(' | ');
  return others.flatMap((text, index) => {
    const label = columns[index + 1] ?? '';
    const quote = `${first}, ${label}: ${text}`;
    return text === '' ? [] : [{ ...base, row, conditions, head: first, quote, label, text }];
  });
}

const CONDITION = /\b(?:cache|kv|context|n_ctx)\b/i;

/** Without emphasis, code marks, pictures, links' targets and pictographs. */
function plainText(source: string): string {
  return source
    .replaceAll(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/<sup>[^<]{0,20}<\/sup>/g, '')
    .replaceAll(/<[^<>]{0,200}>/g, (tag) => (/^<\s*\d/.test(tag) ? tag : ' '))
    .replaceAll(/\*\*|__|`/g, '')
    .replaceAll(/(?<![\w*])\*(?=\S)|(?<=\S)\*(?![\w*])/g, '')
    .replaceAll(/\p{Extended_Pictographic}|\u{FE0F}/gu, '')
    .replaceAll(/\\([|_*~])/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
