import { isNotAskedFor } from '../../schema/availability.ts';
import { machineColumns, rowHeads } from '../comparison-columns.ts';
import type { Report, ReportRow } from '../report.ts';
import type { Cell, FilledColumn, RowHead, Table } from '../table.ts';
import { html, type Markup } from './markup.ts';

/** A column of which some cells are markup; their text is what they are sorted by. */
export type HtmlColumn = Omit<FilledColumn, 'cells'> & {
  readonly cells: readonly (Cell & { readonly markup?: Markup })[];
};

interface HtmlTableOptions {
  /** The number of the first row among those that charts point at. */
  readonly firstRow?: number;
  /** Why values are missing, in a list below. */
  readonly withReasons?: boolean;
}

/** Rows from here on belong to no chart. */
const NO_ROW = 1_000_000;

/** A table whose columns sort. */
export function htmlTable(
  caption: string,
  { title, heads = [], columns }: Omit<Table, 'columns'> & { readonly columns: readonly HtmlColumn[] },
  { firstRow = NO_ROW, withReasons = false }: HtmlTableOptions = {},
): Markup {
  return html`<div class="scroll"><table class="figures sortable"><caption>${caption}</caption><thead><tr>
${heading({ title, align: 'left' })}${columns.map(heading)}
</tr></thead><tbody>${heads.map(
    (head, row) =>
      html`<tr data-row="${firstRow + row}"${head.recommended ? html` class="recommended"` : null}>${rowHead(head)}${columns.map((column) => bodyCell(column, row))}</tr>
`,
  )}</tbody></table></div>${withReasons ? absences(columns) : null}`;
}

/** One row per variant (and machine). */
export function variantTable(
  caption: string,
  report: Report,
  rows: readonly ReportRow[],
  columns: readonly FilledColumn[],
): Markup {
  const all = [...machineColumns(report, rows), ...columns];
  const options = { firstRow: 0, withReasons: true };
  return htmlTable(caption, { title: 'variant', heads: rowHeads(rows), columns: all }, options);
}

function heading({
  title,
  heading: named = title,
  unit = '',
  align,
}: Pick<HtmlColumn, 'title' | 'heading' | 'unit' | 'align'>): Markup {
  return html`<th scope="col" class="${align === 'left' ? 'text' : 'number'}"><button type="button">${named}${unit === '' ? null : html` <span class="unit">${unit}</span>`}</button></th>`;
}

function rowHead({ name, role = '', recommended }: RowHead): Markup {
  const tag = role === 'failed' ? 'failed' : recommended ? 'ship' : role === 'ref' ? 'reference' : '';
  return html`<th scope="row" data-value="${name}"><span class="name">${name}</span>${tag === '' ? null : html` <span class="tag ${tag}">${tag}</span>`}</th>`;
}

function bodyCell({ align, cells }: HtmlColumn, row: number): Markup {
  const kind = align === 'left' ? 'text' : 'number';
  const cell = cells[row];
  if (cell === undefined || cell.text === null || cell.text === '') {
    const why = cell?.text === '' ? null : html`<span class="hidden"> not measured</span>`;
    return html`<td class="${kind} missing">\u2013${why}</td>`;
  }
  const isBest = cell.tone === 'best';
  const value = align === 'left' ? cell.text : (cell.value ?? cell.text);
  return html`<td class="${isBest ? `${kind} best` : kind}" data-value="${value}">${cell.markup ?? aligned(cell.text)}${isBest ? html`<span class="hidden"> best</span>` : null}</td>`;
}

/** Padding that lines up what stands after `±`, in spaces as wide as a digit. */
function aligned(text: string): string {
  return text.trim().replaceAll(/(?<=[±(-]) +/g, (spaces) => ` ${'\u2007'.repeat(spaces.length - 1)}`);
}

/** Why values are missing, each reason once. */
function absences(columns: readonly HtmlColumn[]): Markup | null {
  const titlesByReason = new Map<string, Set<string>>();
  for (const { title, heading: named = title, cells } of columns) {
    for (const { reason } of cells) {
      if (reason === null || reason === '' || isNotAskedFor(reason)) continue;
      titlesByReason.set(reason, (titlesByReason.get(reason) ?? new Set()).add(named));
    }
  }
  if (titlesByReason.size === 0) return null;
  return html`<ul class="notes">${[...titlesByReason].map(
    ([reason, titles]) => html`<li>\u2013 in ${[...titles].join(', ')}: ${reason}</li>`,
  )}</ul>`;
}

/** What the colors of a chart mean. */
export function legend(
  entries: readonly { readonly color: string; readonly text: string; readonly shape?: string }[],
): Markup {
  return html`<ul class="legend">${entries.map(
    ({ color, text, shape = 'square' }) =>
      html`<li><span class="key ${shape}" style="--key:var(--${color})"></span>${text}</li>`,
  )}</ul>`;
}

/** A chart under its title. */
export function chartFigure(title: string, drawing: Markup, below: Markup | null = null): Markup {
  return html`<figure><figcaption>${title}</figcaption>${below}${drawing}</figure>`;
}
