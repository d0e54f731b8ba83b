import { answersOf } from '../measure/answers.ts';
import { isAvailable, isNotAskedFor } from '../schema/availability.ts';
import type { Tasks } from '../schema/figures.ts';
import type { Results, VariantResult } from '../schema/results.ts';
import { ANSWER_KINDS } from '../schema/terms.ts';
import {
  compositionColumns,
  costColumns,
  fillVariants,
  memoryColumns,
  phoneColumns,
  rowHeads,
} from './comparison-columns.ts';
import { domainTable } from './domain-table.ts';
import { endpointLines } from './endpoints.ts';
import { accuracyColumns, divergenceColumns, taskColumns, weightErrorColumn } from './loss-columns.ts';
import { describeMeasurement, describeModels } from './provenance.ts';
import { reportOf, rowsOf } from './report.ts';
import { type Cell, type Column, type FilledColumn, isMissing, type RowHead, type Table } from './table.ts';
import { chooseNameWidth, pageLayout, shownName, type TextLayout, tableText } from './table-text.ts';
import { displayWidth, joinSections, printable, wrap } from './text-width.ts';
import { toolNotes, toolTables } from './tool-columns.ts';
import { sentence } from './verdict.ts';

export interface TableOptions extends Partial<TextLayout> {
  /** Also the divergence's tails, the tasks by kind and where the memory goes. */
  readonly details?: boolean;
}

/** What several parts of the report write into and read from. */
interface Page extends TextLayout {
  readonly results: Results;
  /** Why values are missing, each reason once, numbered from 1 as they come. */
  readonly footnotes: Map<string, number>;
  /** Metrics that no variant has, by the reason they share. */
  readonly unmeasured: Map<string, string[]>;
}

/**
 * The terminal form of a comparison: what each variant costs and loses, what to ship, and how it was
 * measured. No line is wider than 100 columns, whatever the results hold.
 */
export function renderComparison(results: Results, options: TableOptions = {}): string {
  const page: Page = {
    results,
    ...pageLayout(options),
    footnotes: new Map(),
    unmeasured: new Map(),
  };
  const { width, style } = page;
  const heads = rowHeads(rowsOf(reportOf(results))).map((head) => ({ ...head, name: printable(head.name) }));
  // The tables come first: writing them collects the reasons that the notes tell.
  const tables = results.variants.length === 0 ? [] : tablesOf(page, heads, options.details ?? false);
  const byText = domainTable(results);
  const nameWidth = tables.length === 0 ? 0 : chooseNameWidth(tables, width);
  const paragraphs = (texts: readonly string[], paint = style.dim, indent = '  ') =>
    texts.flatMap((text) => wrap(printable(text), width, indent)).map(paint);
  const asItIs = (text: string) => text;
  return joinSections([
    titleLines(page),
    ...tables.map((table) => tableText(table, { nameWidth, width, style })),
    byText === null
      ? []
      : tableText(
          { ...byText, title: byText.what },
          { nameWidth: chooseNameWidth([byText], width), width, style },
        ),
    paragraphs(describeMarks(results, tables)),
    paragraphs(notesOf(page, heads, nameWidth), style.dim, '    '),
    failureLines(page),
    endpointSection(page),
    recommendationLines(page),
    paragraphs(
      (results.devices ?? []).map(({ name, advice }) => `${name}: ${advice}`),
      asItIs,
    ),
    paragraphs(
      results.warnings.map((warning) => `! ${printable(warning)}`),
      style.warn,
    ),
    paragraphs(describeMeasurement(results)),
  ]);
}

function titleLines({ results, width, style }: Page): string[] {
  const title = printable(describeModels(results));
  return title === '' ? [] : wrap(title, width, '  ').map((line) => style.bold(line));
}

function tablesOf(page: Page, heads: readonly RowHead[], details: boolean): Table[] {
  const { results } = page;
  const tasks = taskColumns(results);
  const groups: [title: string, columns: FilledColumn[]][] = [
    ['Cost', measured(costColumns(results), page)],
    ['Accuracy', measured(accuracyColumns(results), page)],
    [
      'Weights',
      [...fillVariants(compositionColumns(results), results), ...measured([weightErrorColumn], page)],
    ],
    ...toolTables(results).map(([title, columns]): [string, FilledColumn[]] => [
      title,
      measured(columns, page),
    ]),
    ['Phones', fillVariants(phoneColumns(results), results)],
  ];
  if (details) {
    groups.push(
      ['Divergence', measured(divergenceColumns, page)],
      ['Memory', measured(memoryColumns, page)],
      ['Tasks', tasks.length > 1 ? fillVariants(tasks, results) : []],
    );
  }
  return groups
    .filter(([, columns]) => columns.length > 0)
    .map(([title, columns]) => ({ title, heads, columns }));
}

/** Columns that no variant can fill are told in a note instead of drawn as a row of dashes. */
function measured(columns: readonly Column<VariantResult>[], page: Page): FilledColumn[] {
  const { results, unmeasured } = page;
  const filled = fillVariants(columns, results);
  const drawn: FilledColumn[] = [];
  let left: Column<VariantResult> | undefined;
  for (const [index, column] of columns.entries()) {
    const written = filled[index];
    const reason = sharedAbsence(column, results.variants);
    if (written !== undefined && reason === undefined) {
      const cells = written.cells.map((cell, row) => marked(cell, results.variants[row], page));
      // Half of a pair whose other half is not drawn stands for itself.
      drawn.push({ ...written, cells, joined: written.joined === true && left === columns[index - 1] });
      left = column;
    } else if (reason !== undefined && !column.optional && !isNotAskedFor(reason)) {
      unmeasured.set(reason, [...(unmeasured.get(reason) ?? []), column.label ?? column.title]);
    }
  }
  return drawn;
}

/** A missing value with the number of the note that tells why. */
function marked(cell: Cell, variant: VariantResult | undefined, { footnotes }: Page): Cell {
  if (cell.reason === null || variant === undefined || isExplainedByFailure(cell.reason, variant))
    return cell;
  const text = printable(cell.reason) || 'no reason was given';
  const number = footnotes.get(text) ?? footnotes.size + 1;
  footnotes.set(text, number);
  return { ...cell, text: `-[${number}]` };
}

/** The one reason for which no variant has this value; undefined when one has it or the reasons differ. */
function sharedAbsence(
  column: Column<VariantResult>,
  variants: readonly VariantResult[],
): string | undefined {
  const reasons = new Set<string>();
  for (const [index, variant] of variants.entries()) {
    const value = column.read(variant, index);
    if (!isMissing(value)) return undefined;
    if (!isExplainedByFailure(value.reason, variant)) reasons.add(value.reason);
  }
  const [reason] = reasons;
  return reasons.size === 1 ? reason : undefined;
}

/** A failed row lacks most values for one reason, which the list of failures tells: that, or words before it. */
function isExplainedByFailure(reason: string, { failure }: VariantResult): boolean {
  if (failure === null) return false;
  const [told, why] = [printable(failure.message), printable(reason)];
  return told.includes(why) || (told !== '' && why.endsWith(`: ${told}`));
}

/** What the marks and short names in the tables mean, one subject a line; only what the tables use. */
function describeMarks(results: Results, tables: readonly Table[]): string[] {
  const { variants, reference, recommendation, settings } = results;
  const { promptTokens, generationTokens, depth, repetitions } = settings;
  const has = (test: (variant: VariantResult) => boolean) => variants.some(test);
  const hasDivergence = has(({ divergence }) => isAvailable(divergence));
  const hasBest = tables.some(({ columns }) =>
    columns.some(({ cells }) => cells.some(({ tone }) => tone === 'best')),
  );
  const when = (isUsed: boolean, ...texts: string[]) => (isUsed ? texts : []);
  const lines = [
    [
      ...when(isAvailable(recommendation), '> recommended'),
      ...when(hasBest, '* best, or within the error of the best'),
      ...when(reference !== null && hasDivergence, 'ref: KLD, same top and flips are against it'),
    ],
    when(
      has(({ speed }) => isAvailable(speed)),
      `pp${promptTokens}: ${promptTokens} tokens read`,
      `tg${generationTokens}: ${generationTokens} written, @d${depth}: after ${depth} others`,
      `±: standard deviation of ${repetitions} runs`,
    ),
    [
      ...when(
        has((variant) => ANSWER_KINDS.some((kind) => hasFlips(answersOf(variant, kind)))),
        "flips: answers gone right or wrong, p by McNemar's test",
      ),
      ...when(hasDivergence || has(({ perplexity }) => isAvailable(perplexity)), '±: standard error'),
      ...when(
        has((variant) => ANSWER_KINDS.some((kind) => answersOf(variant, kind) !== null)),
        '(-): 95 % interval',
      ),
    ],
    when(
      (results.devices ?? []).length > 0,
      'phones: ✓ fits, ~ tight, ✗ no, ? not known; = measured on that phone, ≈ predicted, after 256 tokens',
    ),
  ];
  return lines.filter((parts) => parts.length > 0).map((parts) => parts.join('; '));
}

function hasFlips(answers: Tasks | null): boolean {
  return answers !== null && isAvailable(answers.flips);
}

function notesOf(
  { results, footnotes, unmeasured }: Page,
  heads: readonly RowHead[],
  nameWidth: number,
): string[] {
  const isShortened = heads.some((head) => nameWidth > 0 && shownName(head, nameWidth) !== head.name);
  return [
    ...[...footnotes.keys()].map((reason, index) => `[${index + 1}] ${reason}`),
    ...[...unmeasured].map(([reason, labels]) => `Not measured: ${labels.join(', ')}: ${reason}`),
    ...(isShortened ? [`Names in full, in order: ${heads.map(({ name }) => name).join(', ')}`] : []),
    ...results.variants.flatMap(({ name, backend }) =>
      (backend?.notes ?? []).map((note) => `${name}: ${note}`),
    ),
    ...toolNotes(results),
    ...imatrixNotes(results),
  ];
}

/** Which variants were quantized with an importance matrix, and from what. */
function imatrixNotes({ variants }: Results): string[] {
  return variants.flatMap(({ name, quantization }) => {
    if (!isAvailable(quantization) || quantization.imatrix === null) return [];
    const { file, dataset, chunks } = quantization.imatrix;
    const source = dataset || file;
    const facts = [...(source ? [`from ${source}`] : []), ...(chunks === null ? [] : [`${chunks} chunks`])];
    const details = facts.length > 0 ? ` (${facts.join(', ')})` : '';
    return [`${name} was quantized with an importance matrix${details}`];
  });
}

function failureLines({ results, width, style }: Page): string[] {
  const failed = results.variants.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return [];
  const lines = failed.flatMap(({ name, failure }) => {
    const reason = failure === null ? 'no reason was given' : `${failure.message} (${failure.code})`;
    return wrap(printable(`${name}: ${reason}`), width - 2, '  ').map((line) => `  ${line}`);
  });
  return [style.bold(style.bad('Failed')), ...lines];
}

function endpointSection({ results: { endpoints = [], reference }, width, style }: Page): string[] {
  if (endpoints.length === 0) return [];
  const lines = endpointLines(endpoints, reference).flatMap((line) => wrap(printable(line), width - 2, '  '));
  return [style.bold('Endpoint'), ...lines.map((line) => `  ${line}`)];
}

function recommendationLines({ results: { recommendation }, width, style }: Page): string[] {
  if (!isAvailable(recommendation)) {
    return wrap(printable(`No recommendation: ${recommendation.reason}`), width, '  ');
  }
  const { variant, reasons, dominated } = recommendation;
  // The first sentence names the variant; when it does not, the verdict must.
  const isNamed = reasons[0]?.startsWith(variant) ?? false;
  const verdict = isNamed ? 'Recommended:' : `Recommended: ${printable(variant)}.`;
  const sentences = reasons.map(sentence);
  // A name is written as it is, at the beginning of a sentence too.
  if (isNamed) sentences[0] = printable(variant) + (sentences[0] ?? '').slice(printable(variant).length);
  const lines = wrap([verdict, ...sentences].join(' '), width, '  ');
  if (dominated.length > 0) {
    const pairs = dominated.map(({ variant: loser, by }) => `${loser} (by ${by})`).join(', ');
    const text = `Dominated, since another is at least as good on size, speed and accuracy at once: ${pairs}.`;
    lines.push(...wrap(printable(text), width, '  '));
  }
  return lines.map((line) =>
    line.startsWith(verdict) && displayWidth(verdict) <= width
      ? style.bold(style.good(verdict)) + line.slice(verdict.length)
      : line,
  );
}
