import { isAvailable, isNotAskedFor, type Unavailable } from '../schema/availability.ts';
import type { Results, VariantResult } from '../schema/results.ts';
import { accuracyColumns } from './accuracy-columns.ts';
import { chooseNameWidth, layOutTable, type RowHead, shownName, type Table } from './column-layout.ts';
import { compositionColumns, imatrixNotes, weightErrorColumn } from './composition-columns.ts';
import { costColumns, memoryColumns } from './cost-columns.ts';
import { divergenceColumns } from './divergence-columns.ts';
import { endpointLines } from './endpoint-lines.ts';
import { type CellColumn, type FigureColumn, writeColumn } from './figure-column.ts';
import { createFootnotes, type Footnotes } from './footnotes.ts';
import { describeMarks } from './legend.ts';
import { phoneAdvice, phoneColumns } from './phone-columns.ts';
import { describeMeasurement, describeModels } from './provenance.ts';
import { plainStyle, type Style } from './style.ts';
import { taskColumns } from './task-columns.ts';
import { displayWidth, printable, wrap } from './text-width.ts';

const MOST_WIDTH = 100;
const LEAST_WIDTH = 60;

export interface TableOptions {
  /** Columns of the terminal; 60 to 100 are used. */
  readonly width?: number;
  readonly style?: Style;
  /** Also the divergence's tails, the tasks by kind and where the memory goes. */
  readonly details?: boolean;
}

/** What several parts of the report write into and read from. */
interface Page {
  readonly results: Results;
  readonly width: number;
  readonly style: Style;
  readonly footnotes: Footnotes;
  /** Figures that no variant has, by the reason they share. */
  readonly unmeasured: Map<string, string[]>;
}

/**
 * The terminal form of a comparison: what each variant costs and loses, what to ship, and how it was
 * measured. No line is wider than 100 columns, whatever the results hold.
 */
export function renderComparisonTable(results: Results, options: TableOptions = {}): string {
  const page: Page = {
    results,
    width: Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, Math.floor(options.width ?? MOST_WIDTH))),
    style: options.style ?? plainStyle,
    footnotes: createFootnotes(),
    unmeasured: new Map(),
  };
  // The tables come first: writing them collects the reasons that the notes tell.
  const tables = results.variants.length === 0 ? [] : writeTables(page, options.details ?? false);
  const heads = rowHeads(results);
  const { width, style } = page;
  const nameWidth = chooseNameWidth(heads, tables, width);
  const sections = [
    renderTitle(page),
    ...tables.map((table) => layOutTable(table, heads, { nameWidth, width, style })),
    renderLegend(page, tables),
    renderNotes(page, heads, nameWidth),
    renderFailures(page),
    renderEndpoints(page),
    renderRecommendation(page),
    renderPhones(page),
    renderWarnings(page),
    renderMeasurement(page),
  ];
  const lines = sections.filter((section) => section.length > 0).map((section) => section.join('\n'));
  return lines.join('\n\n');
}

function renderTitle({ results, width, style }: Page): string[] {
  const title = printable(describeModels(results));
  return title === '' ? [] : wrap(title, width, '  ').map((line) => style.bold(line));
}

function writeTables(page: Page, details: boolean): Table[] {
  const { results } = page;
  const tables: Table[] = [
    { title: 'Cost', columns: figureColumns(costColumns(results), page) },
    { title: 'Accuracy', columns: figureColumns(accuracyColumns(results), page) },
    {
      title: 'Weights',
      columns: [...compositionColumns(results), ...figureColumns([weightErrorColumn], page)],
    },
  ];
  tables.push({ title: 'Phones', columns: phoneColumns(results) });
  if (details) {
    const tasks = taskColumns(results);
    tables.push({ title: 'Divergence', columns: figureColumns(divergenceColumns, page) });
    tables.push({ title: 'Memory', columns: figureColumns(memoryColumns, page) });
    if (tasks.length > 1) tables.push({ title: 'Tasks', columns: tasks });
  }
  return tables.filter(({ columns }) => columns.length > 0);
}

function rowHeads({ variants, reference, recommendation }: Results): RowHead[] {
  const recommended = isAvailable(recommendation) ? recommendation.variant : undefined;
  return variants.map(({ name, status }) => ({
    name: printable(name),
    role: status === 'failed' ? 'failed' : name === reference ? 'ref' : '',
    recommended: name === recommended,
  }));
}

/** Columns that no variant can fill are told in a note instead of drawn as a row of dashes. */
function figureColumns(columns: readonly FigureColumn[], page: Page): CellColumn[] {
  const { results, unmeasured } = page;
  const drawn: CellColumn[] = [];
  let left: FigureColumn | undefined;
  for (const [index, column] of columns.entries()) {
    const reason = sharedAbsence(column, results.variants);
    if (reason === undefined) {
      const written = writeColumn(column, results, (absence, variant) => markAbsence(absence, variant, page));
      // Half of a pair whose other half is not drawn stands for itself.
      drawn.push({ ...written, joined: written.joined === true && left === columns[index - 1] });
      left = column;
    } else if (!column.optional && !isNotAskedFor(reason)) {
      unmeasured.set(reason, [...(unmeasured.get(reason) ?? []), column.label]);
    }
  }
  return drawn;
}

function markAbsence(absence: Unavailable, variant: VariantResult, { footnotes }: Page): string {
  return isExplainedByFailure(absence, variant) ? '-' : `-[${footnotes.numberOf(absence.reason)}]`;
}

/** The one reason for which no variant has this figure; undefined when one has it or the reasons differ. */
function sharedAbsence(column: FigureColumn, variants: readonly VariantResult[]): string | undefined {
  const reasons = new Set<string>();
  for (const variant of variants) {
    const reading = column.read(variant);
    if (isAvailable(reading)) return undefined;
    if (!isExplainedByFailure(reading, variant)) reasons.add(reading.reason);
  }
  const [reason] = reasons;
  return reasons.size === 1 ? reason : undefined;
}

/** A failed row lacks most figures for one reason, which the list of failures tells: that, or words before it. */
function isExplainedByFailure({ reason }: Unavailable, { failure }: VariantResult): boolean {
  if (failure === null) return false;
  const [told, why] = [printable(failure.message), printable(reason)];
  return told.includes(why) || (told !== '' && why.endsWith(`: ${told}`));
}

function renderLegend({ results, width, style }: Page, tables: readonly Table[]): string[] {
  return describeMarks(results, tables)
    .flatMap((line) => wrap(printable(line), width, '  '))
    .map(style.dim);
}

function renderNotes(
  { results, width, style, footnotes, unmeasured }: Page,
  heads: readonly RowHead[],
  nameWidth: number,
): string[] {
  const notes = footnotes.reasons().map((reason, index) => `[${index + 1}] ${reason}`);
  for (const [reason, labels] of unmeasured) notes.push(`Not measured: ${labels.join(', ')}: ${reason}`);
  if (heads.some((head) => shownName(head, nameWidth) !== head.name)) {
    notes.push(`Names in full, in order: ${heads.map(({ name }) => name).join(', ')}`);
  }
  for (const { name, backend } of results.variants) {
    for (const note of backend?.notes ?? []) notes.push(`${name}: ${note}`);
  }
  notes.push(...imatrixNotes(results));
  return notes.flatMap((note) => wrap(printable(note), width, '    ')).map(style.dim);
}

function renderFailures({ results, width, style }: Page): string[] {
  const failed = results.variants.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return [];
  const lines = failed.flatMap(({ name, failure }) => {
    const reason = failure === null ? 'no reason was given' : `${failure.message} (${failure.code})`;
    return wrap(printable(`${name}: ${reason}`), width - 2, '  ').map((line) => `  ${line}`);
  });
  return [style.bold(style.bad('Failed')), ...lines];
}

function renderEndpoints({ results: { endpoints = [], reference }, width, style }: Page): string[] {
  if (endpoints.length === 0) return [];
  const lines = endpointLines(endpoints, reference).flatMap((line) => wrap(printable(line), width - 2, '  '));
  return [style.bold('Endpoint'), ...lines.map((line) => `  ${line}`)];
}

function renderRecommendation({ results: { recommendation }, width, style }: Page): string[] {
  if (!isAvailable(recommendation)) {
    return wrap(printable(`No recommendation: ${recommendation.reason}`), width, '  ');
  }
  const { variant, reasons, dominated } = recommendation;
  // The first sentence names the variant; when it does not, the verdict must.
  const isNamed = reasons[0]?.startsWith(variant) ?? false;
  const verdict = isNamed ? `Recommended: ${printable(variant)}` : `Recommended: ${printable(variant)}.`;
  const sentences = reasons.map(asSentence);
  if (isNamed) sentences[0] = (sentences[0] ?? '').slice(printable(variant).length).trimStart();
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

function renderPhones({ results, width }: Page): string[] {
  return phoneAdvice(results).flatMap((line) => wrap(printable(line), width, '  '));
}

function renderWarnings({ results: { warnings }, width, style }: Page): string[] {
  return warnings.flatMap((warning) =>
    wrap(`! ${printable(warning)}`, width, '  ').map((line) => style.warn(line)),
  );
}

function renderMeasurement({ results, width, style }: Page): string[] {
  return describeMeasurement(results)
    .flatMap((sentence) => wrap(printable(sentence), width, '  '))
    .map(style.dim);
}

/** A reason as a sentence, whatever its writer thought of capitals and full stops. */
function asSentence(reason: string): string {
  const text = printable(reason)
    // A plain word only: `mean KLD` begins a sentence as well as any, `p99` or `q4_K_M` are names.
    .replace(/^[a-z]+(?=\s)/, (word) => word.charAt(0).toUpperCase() + word.slice(1));
  return text === '' || /[.!?]$/.test(text) ? text : `${text}.`;
}
