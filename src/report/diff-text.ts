import type { Diff, DiffedFile } from '../schema/diff.ts';
import { counted, formatBytes, formatCount } from '../util/units.ts';
import { metadataChanges, tensorChanges } from './diff-headers.ts';
import { gateLines, weightSections } from './diff-weights.ts';
import { importanceDistances } from './importance.ts';
import { brief } from './inspection-text.ts';
import { type Column, fillColumns } from './table.ts';
import { pageLayout, type TextLayout, tableText } from './table-text.ts';
import { joinSections, wrap } from './text-width.ts';

export interface DiffTextOptions extends Partial<TextLayout> {
  /** Tensors to show at most. */
  readonly top: number;
  /** Shows all tensors and keys. */
  readonly all: boolean;
}

/** The terminal form of a diff. No line is wider than 100 columns, and nothing from a file is printed raw. */
export function renderDiff(diff: Diff, { top, all, ...options }: DiffTextOptions): string {
  const layout = pageLayout(options);
  return joinSections([
    filesTable(diff, layout),
    metadataChanges(diff.metadata, layout, all),
    tensorChanges(diff.tensors, layout, all),
    diff.importance === undefined ? [] : importanceDistances(diff.importance, layout, all),
    ...weightSections(diff.weights, layout, all ? Number.POSITIVE_INFINITY : top),
    tokenizationLines(diff, layout),
    gateLines(diff.gate, layout),
  ]);
}

const PARTS = {
  tokens: 'the tokens',
  scores: 'their scores',
  tokenTypes: 'their types',
  merges: 'the merges',
  tokenizerModel: 'the tokenizer',
  preTokenizer: 'the pre-tokenizer',
  name: 'the name: of a model named phi-3 or phi3, special tokens swallow the whitespace behind them in llama.cpp',
} as const satisfies Record<Diff['tokenization'][number], string>;

/** That figures of both are of other tokens, though all weights may be the same. */
function tokenizationLines({ tokenization }: Diff, { width }: TextLayout): string[] {
  if (tokenization.length === 0) return [];
  return wrap(
    `A text becomes other tokens, by ${tokenization.map((part) => PARTS[part]).join(', ')}.`,
    width,
    '  ',
  );
}

const FILE_COLUMNS: readonly Column<DiffedFile>[] = [
  { title: 'file', align: 'left', read: ({ ref }) => shortRef(brief(ref)) },
  { title: 'type', align: 'left', read: ({ label }) => brief(label) },
  { title: 'size', read: ({ bytes }) => formatBytes(bytes) },
  { title: 'parameters', read: ({ parameters }) => formatCount(parameters) },
  { title: '', read: ({ tensors }) => counted(tensors, 'tensor') },
];

function filesTable({ a, b }: Diff, layout: TextLayout): string[] {
  const heads = [{ name: 'a' }, { name: 'b' }];
  return tableText(
    { title: '', heads, columns: fillColumns(FILE_COLUMNS, [a, b]) },
    { nameWidth: 4, ...layout },
  );
}

const MOST_REF_CHARACTERS = 44;

/** The end of a path says which file it is. */
function shortRef(ref: string): string {
  return ref.length > MOST_REF_CHARACTERS ? `…${ref.slice(1 - MOST_REF_CHARACTERS)}` : ref;
}
