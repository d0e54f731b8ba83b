import type { Report, ReportRow } from '../report.ts';
import type { DocumentCell, DocumentColumn } from '../report-columns.ts';
import { html, type Markup } from './markup.ts';

/** A column of a table that sorts; its cells are in the order of the rows. */
export interface SortableColumn {
  readonly title: string;
  readonly unit: string;
  readonly isText: boolean;
  readonly cells: readonly { readonly text: string; readonly value: number | null }[];
}

/** Rows from here on belong to no chart. */
export const NO_ROW = 1_000_000;

/** A table that sorts, of rows that are no variants of a comparison: a cell is empty where there is no figure. */
export function sortableTable(caption: string, columns: readonly SortableColumn[], firstRow: number): Markup {
  const [names, ...others] = columns;
  const rows = names?.cells ?? [];
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table class="figures sortable"><caption>${caption}</caption><thead><tr>
${columns.map(({ title, unit, isText }) => heading(title, unit, isText))}
</tr></thead><tbody>${rows.map(
    ({ text }, row) =>
      html`<tr data-row="${firstRow + row}"><th scope="row" data-value="${text}">${text}</th>${others.map(({ isText, cells }) => sortableCell(isText, cells[row]))}</tr>
`,
  )}</tbody></table></div>`;
}

function sortableCell(isText: boolean, cell: SortableColumn['cells'][number] | undefined): Markup {
  if (cell === undefined || cell.text === '') {
    return html`<td class="${isText ? 'text' : 'number'} missing">\u2013<span class="hidden"> not measured</span></td>`;
  }
  return html`<td class="${isText ? 'text' : 'number'}" data-value="${isText ? cell.text : (cell.value ?? '')}">${cell.text}</td>`;
}

/** A table of figures: a row a variant (and machine), columns that sort. */
export function figureTable(
  caption: string,
  report: Report,
  rows: readonly ReportRow[],
  columns: readonly DocumentColumn[],
): Markup {
  const several = report.machines.length > 1;
  return html`<div class="scroll"><table class="figures sortable"><caption>${caption}</caption><thead><tr>
${heading('variant', '', true)}${several ? heading('machine', '', true) : null}${columns.map(({ title, unit }) => heading(title, unit, false))}
</tr></thead><tbody>${rows.map(
    (row, index) =>
      html`<tr data-row="${index}"${row.isRecommended ? html` class="recommended"` : null}>${rowHead(row)}${several ? html`<td class="text" data-value="${row.machine}">${row.machine}</td>` : null}${columns.map(({ cells }) => bodyCell(cells[index]))}</tr>
`,
  )}</tbody></table></div>${absences(columns)}`;
}

/** A table whose cells are markup or text already; figures are right-aligned where `numeric` says so. */
export function plainTable(
  caption: string,
  headings: readonly string[],
  rows: readonly (readonly (string | Markup)[])[],
  numeric: (column: number) => boolean = (column) => column > 0,
): Markup {
  const kind = (column: number) => (numeric(column) ? 'number' : 'text');
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table class="figures"><caption>${caption}</caption><thead><tr>${headings.map(
    (title, column) => html`<th scope="col" class="${kind(column)}">${title}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (cells, index) =>
      html`<tr data-row="${index}">${cells.map((cell, column) => (column === 0 ? html`<th scope="row">${cell}</th>` : html`<td class="${kind(column)}">${cell}</td>`))}</tr>
`,
  )}</tbody></table></div>`;
}

function heading(title: string, unit: string, isText: boolean): Markup {
  return html`<th scope="col" class="${isText ? 'text' : 'number'}"><button type="button">${title}${unit === '' ? null : html` <span class="unit">${unit}</span>`}</button></th>`;
}

function rowHead({ variant, isReference, isRecommended }: ReportRow): Markup {
  const tag =
    variant.status === 'failed' ? 'failed' : isRecommended ? 'ship' : isReference ? 'reference' : '';
  return html`<th scope="row" data-value="${variant.name}"><span class="name">${variant.name}</span>${tag === '' ? null : html` <span class="tag ${tag}">${tag}</span>`}</th>`;
}

function bodyCell(cell: DocumentCell | undefined): Markup {
  if (cell === undefined || cell.value === null) {
    return html`<td class="number missing">\u2013<span class="hidden"> not measured</span></td>`;
  }
  const best = cell.tone === 'best';
  return html`<td class="${best ? 'number best' : 'number'}" data-value="${cell.value}">${cell.text}${best ? html`<span class="hidden"> best</span>` : null}</td>`;
}

/** Why figures are missing, each reason once. */
function absences(columns: readonly DocumentColumn[]): Markup | null {
  const byReason = new Map<string, Set<string>>();
  for (const { title, cells } of columns) {
    for (const { reason } of cells) {
      if (reason) byReason.set(reason, (byReason.get(reason) ?? new Set()).add(title));
    }
  }
  if (byReason.size === 0) return null;
  return html`<ul class="notes">${[...byReason].map(
    ([reason, titles]) => html`<li>\u2013 in ${[...titles].join(', ')}: ${reason}</li>`,
  )}</ul>`;
}

/** What the colours of a chart mean. */
export function legend(
  entries: readonly { readonly ink: string; readonly text: string; readonly shape?: string }[],
): Markup {
  return html`<ul class="legend">${entries.map(
    ({ ink, text, shape = 'square' }) =>
      html`<li><span class="key ${shape}" style="--key:var(--${ink})"></span>${text}</li>`,
  )}</ul>`;
}

/** A chart with its figures beside it. */
export function figure(title: string, drawing: Markup, below: Markup | null = null): Markup {
  return html`<figure><figcaption>${title}</figcaption>${below}${drawing}</figure>`;
}
