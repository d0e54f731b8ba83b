import { isAvailable, type Unavailable } from '../schema/availability.ts';
import { printable } from './text-width.ts';

/** What a cell of CSV may be: unrounded, and empty where there is nothing. */
export type CsvValue = string | number | boolean | null | undefined | Unavailable;

/** Values by the names of their columns, of which a record need not have all. */
export type CsvRecord = Readonly<Record<string, CsvValue>>;

/** CSV of RFC 4180: the names in a first line, then a line for each record. */
export function tableCsv(records: readonly CsvRecord[]): string {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return [csvLine(names), ...records.map((record) => csvLine(names.map((name) => record[name])))].join('\n');
}

export function csvLine(values: readonly CsvValue[]): string {
  return values.map(written).join(',');
}

function written(value: CsvValue): string {
  if (value === null || value === undefined || !isAvailable(value)) return '';
  if (typeof value !== 'string') return String(value);
  // A spreadsheet takes a text that begins so for a formula, and a model's name may be any text.
  const text = printable(value).replace(/^(?=[=+\-@])/, "'");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
