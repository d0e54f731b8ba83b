import { type Block, blocksOf, HARD_BREAK } from './markdown.ts';
import type { Statement } from './statement.ts';
import { labelsIn } from './subject.ts';

const EMPTY = { breaks: [], label: '', row: '', head: '', conditions: '', headings: [] } as const;

/** What a card states, in its order. */
export function statementsOf(markdown: string): Statement[] {
  const headings: { readonly level: number; readonly text: string }[] = [];
  let hasTitle = false;
  const statements: Statement[] = [];
  for (const block of blocksOf(markdown)) {
    const above = headings.map(({ text }) => text);
    switch (block.kind) {
      case 'field': {
        const { line, key, text } = block;
        statements.push({ ...EMPTY, line, quote: `${key}: ${text}`, label: key, text, kind: 'field' });
        break;
      }
      case 'heading': {
        const { line, level, text } = block;
        while ((headings.at(-1)?.level ?? 0) >= level) headings.pop();
        headings.push({ level, text });
        if (!hasTitle) statements.push({ ...EMPTY, line, quote: text, text, kind: 'title' });
        hasTitle = true;
        break;
      }
      case 'paragraph':
        statements.push(...paragraphStatements(block, [...above, ...block.above]));
        break;
      case 'table':
        statements.push(...tableStatements(block, above));
        break;
    }
  }
  return statements;
}

/** `Size: 2.2 GB`, `Size = 2.2 GB`, `Size – 2.2 GB`. A sentence is no label. */
const LABELLED = /^([^:|→.=\n]{1,60}?)\s*(?::\s|=|\s[–—-]\s)\s*(\S.*)$/s;
/** The next line begins with a label of its own. */
const NEW_LABEL = /^[^:|→.=\n]{1,40}:\s/;

/** A line that the reader sees as one, or that has its own label, states something by itself; others are one text. */
function paragraphStatements(
  { text, line }: Extract<Block, { kind: 'paragraph' }>,
  headings: readonly string[],
): Statement[] {
  const parts: { line: number; text: string }[] = [];
  let isNew = true;
  for (const [index, source] of text.split('\n').entries()) {
    const last = parts.at(-1);
    if (last === undefined || isNew || NEW_LABEL.test(source))
      parts.push({ line: line + index, text: source });
    else last.text += `\n${source}`;
    isNew = source.endsWith(HARD_BREAK) || source === '';
  }
  return parts.flatMap((part) =>
    part.text.split(HARD_BREAK).flatMap((each) => lineStatement(each, part.line, headings)),
  );
}

function lineStatement(source: string, line: number, headings: readonly string[]): Statement[] {
  const whole = source.trim();
  if (whole === '') return [];
  const [, label = '', labelled = whole] = LABELLED.exec(whole) ?? [];
  const breaks = [...labelled.matchAll(/\n/g)].map(({ index }) => index + 1);
  const text = labelled.replaceAll('\n', ' ');
  const quote = label === '' ? text : `${label}: ${text}`;
  return [{ ...EMPTY, line, breaks, quote, label, text, headings, kind: label === '' ? 'prose' : 'label' }];
}

const PROPERTY =
  /^(?:propert(?:y|ies)|attributes?|specs?|specifications?|parameters?|fields?|features?|metrics?|items?|keys?|characteristics?|hyper-?parameters?|aspects?|details?|)$/i;
const CONDITION = /\b(?:cache|kv|context|ctx|n_ctx)\b/i;

/**
 * Cells by what their table is: properties with a value, properties of several models side by side, or a model, phone
 * or context a row.
 */
function tableStatements(
  { columns, rows }: Extract<Block, { kind: 'table' }>,
  headings: readonly string[],
): Statement[] {
  const [first = '', ...others] = columns;
  const numbered = rows.filter(({ cells: [head = ''] }) => /\d/.test(head)).length;
  const isProperties =
    PROPERTY.test(first) ||
    others.filter(isVariant).length > 1 ||
    // Models, phones and contexts have numbers in their names, properties seldom.
    (columns.length === 2 && numbered <= rows.length / 2);
  return rows.flatMap(({ line, cells }) => {
    const [head = '', ...values] = cells;
    const base = { ...EMPTY, line, headings, kind: 'cell' } as const;
    if (isProperties) {
      return values.flatMap((text, index): Statement[] => {
        const column = columns[index + 1] ?? '';
        const row = columns.length > 2 || isVariant(column) ? column : '';
        const quote = `${head}${row === '' ? '' : `, ${row}`}: ${text}`;
        return text === '' ? [] : [{ ...base, quote, label: head, text, row }];
      });
    }
    // A quantization under `KV cache` or `Context` is the cache's and no other file.
    const isCondition = (index: number): boolean => CONDITION.test(columns[index] ?? '');
    const model = isCondition(0) ? '' : head;
    const row = cells.filter((_, index) => !isCondition(index)).join(' | ');
    const conditions = cells
      .flatMap((cell, index) => (isCondition(index) ? [`${columns[index] ?? ''} ${cell}`] : []))
      .join(' | ');
    return values.flatMap((text, index): Statement[] => {
      const label = columns[index + 1] ?? '';
      const quote = `${head}, ${label}: ${text}`;
      return text === '' ? [] : [{ ...base, quote, label, text, row, head: model, conditions }];
    });
  });
}

function isVariant(column: string): boolean {
  return labelsIn(column).length > 0;
}
