import { isAvailable, isNotAskedFor } from '../schema/availability.ts';
import type { Results } from '../schema/results.ts';
import { accuracyColumns } from './accuracy-columns.ts';
import { weightErrorColumn } from './composition-columns.ts';
import { costColumns } from './cost-columns.ts';
import { type FigureColumn, writeColumn } from './figure-column.ts';

/** A column of a document's table: header, cells, and the plain values behind them to sort by. */
export interface DocumentColumn {
  readonly title: string;
  readonly unit: string;
  readonly cells: readonly DocumentCell[];
}

export interface DocumentCell {
  /** Empty where the figure does not apply. */
  readonly text: string;
  /** In the column's unit; null where there is no figure. */
  readonly value: number | null;
  readonly tone: 'plain' | 'best' | 'quiet';
  /** Why there is no figure. */
  readonly reason: string | null;
}

/** What a variant costs and what it loses, the figures of the terminal's table. */
export function mainColumns(results: Results): { cost: DocumentColumn[]; accuracy: DocumentColumn[] } {
  return {
    cost: documentColumns(costColumns(results), results),
    accuracy: documentColumns([...accuracyColumns(results), weightErrorColumn], results),
  };
}

/** The columns that at least one row has a figure for. */
export function documentColumns(columns: readonly FigureColumn[], results: Results): DocumentColumn[] {
  return columns.flatMap((column, index) => {
    const readings = results.variants.map((variant) => column.read(variant));
    if (!readings.some((reading) => isAvailable(reading))) return [];
    const written = writeColumn(column, results, () => '');
    const pair = column.joined === true ? columns[index - 1] : columns[index + 1];
    const title = fullTitle(column, pair);
    return [
      {
        title,
        unit: column.unit,
        cells: written.cells.map(({ text, tone }, row): DocumentCell => {
          const reading = readings[row];
          if (reading === undefined || !isAvailable(reading)) {
            const reason = reading?.reason ?? '';
            return { text: '', value: null, tone, reason: isNotAskedFor(reason) ? null : reason };
          }
          return { text: aligned(text), value: reading.value, tone, reason: null };
        }),
      },
    ];
  });
}

/** Two columns may share a title on the terminal, where one stands over both. */
function fullTitle(column: FigureColumn, pair: FigureColumn | undefined): string {
  if (column.title !== '') return column.title.trim();
  return pair?.title.trim() ?? column.label;
}

/** Padding that lines up what stands after `±`, in spaces as wide as a digit. */
function aligned(text: string): string {
  return text.trim().replaceAll(/(?<=[±(-]) +/g, (spaces) => ` ${'\u2007'.repeat(spaces.length - 1)}`);
}
