import { answersOf } from '../measure/answers.ts';
import { TOOL_MEASURES } from '../measure/tool-judge.ts';
import { notAskedFor } from '../schema/availability.ts';
import type { Results, VariantResult } from '../schema/results.ts';
import { sum } from '../util/sum.ts';
import { correctReading, flipColumns } from './loss-columns.ts';
import { type Column, given } from './table.ts';
import { printable, shortenMiddle } from './text-width.ts';

type ToolKind = 'tools' | 'toolsWithGrammar';

const MOST_TITLE_WIDTH = 20;

/** Every table of tool calls: a title and its columns, a row a variant. */
export function toolTables({ variants }: Pick<Results, 'variants'>): [string, Column<VariantResult>[]][] {
  return [
    ['Tool calls', columnsOf('tools', 'tool calls')],
    ['Tool calls under a grammar', columnsOf('toolsWithGrammar', 'tool calls under a grammar')],
    ['Tool calls right, by kind', kindColumns('tools', variants)],
  ];
}

/** How models were told of their tools, where it was not by their own templates. */
export function toolNotes({ variants }: Pick<Results, 'variants'>): string[] {
  const told = variants.filter(({ toolTelling }) => toolTelling?.by === 'words').map(({ name }) => name);
  if (told.length === 0) return [];
  const form = variants.find(({ toolTelling }) => toolTelling?.by === 'words')?.toolTelling?.form ?? '';
  return [
    `The chat template of ${told.join(', ')} knows of no tools: they were described in words of quantscope's, which ask for ${form}`,
  ];
}

function columnsOf(kind: ToolKind, label: string): Column<VariantResult>[] {
  const answers = (variant: VariantResult) => variant[kind] ?? notAskedFor('tools');
  const measure = (name: string, title: string): Column<VariantResult> => ({
    title,
    label: `${title} of the ${label}`,
    read: (variant) =>
      given(answers(variant), ({ measures }) => {
        const counts = Object.values(measures?.[name] ?? {});
        return `${sum(counts.map(({ correct }) => correct))}/${sum(counts.map(({ total }) => total))}`;
      }),
  });
  return [
    {
      title: 'right',
      unit: '%',
      label: `${label} right`,
      read: (variant) => given(answers(variant), correctReading),
      precision: { significant: 3, most: 1 },
      best: 'highest',
    },
    ...flipColumns(kind, `flips of the ${label}`),
    measure(TOOL_MEASURES.parsable, 'parsable'),
    measure(TOOL_MEASURES.tool, 'right tool'),
    measure(TOOL_MEASURES.arguments, 'right arguments'),
  ];
}

function kindColumns(kind: ToolKind, variants: readonly VariantResult[]): Column<VariantResult>[] {
  const answered = variants.flatMap((variant) => answersOf(variant, kind) ?? []);
  const kinds = [...new Set(answered.flatMap(({ byTask }) => Object.keys(byTask)))];
  if (kinds.length < 2) return [];
  return kinds.map((task) => ({
    title: shortenMiddle(printable(task), MOST_TITLE_WIDTH),
    unit: 'right',
    optional: true,
    read: (variant) =>
      given(variant[kind] ?? notAskedFor('tools'), ({ byTask }) => {
        const counts = byTask[task];
        return counts === undefined ? '' : `${counts.correct}/${counts.total}`;
      }),
  }));
}
