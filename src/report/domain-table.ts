import { isAvailable, unavailableBecause } from '../schema/availability.ts';
import type { DomainLoss } from '../schema/figures.ts';
import type { Results, VariantResult } from '../schema/results.ts';
import { sum } from '../util/sum.ts';
import { type Column, fillColumns, given, type Reading, type Table, type Value } from './table.ts';
import { printable, shortenMiddle } from './text-width.ts';

const MOST_TITLE_WIDTH = 20;
const ABSENT = unavailableBecause('this variant was not scored on it');

/** A text, or the mean of all. */
interface Row {
  readonly title: string;
  /** One, or all. */
  readonly names: readonly string[];
}

/**
 * What every variant loses in each of several texts, a row each, and the mean of them, in which each text counts the
 * same: divergence from the reference, or perplexity where there is none. Null where there is one text.
 */
export function domainTable({
  variants,
  reference,
}: Pick<Results, 'variants' | 'reference'>): (Table & { readonly what: string }) | null {
  const names = [
    ...new Set(variants.flatMap(({ domains = [] }) => domains.map((domain) => printable(domain.name)))),
  ];
  if (names.length === 0) return null;
  const rows: Row[] = [
    ...names.map((name) => ({ title: name, names: [name] })),
    { title: 'mean of texts', names },
  ];
  const compared = variants.filter(({ name, divergence }) => name !== reference && isAvailable(divergence));
  const own = variants.find(({ name }) => name === reference);
  const columns: Column<Row>[] =
    compared.length === 0
      ? variants.map(perplexityColumn)
      : [...(own === undefined ? [] : [perplexityColumn(own)]), ...compared.map(divergenceColumn)];
  return {
    what: compared.length === 0 ? 'Perplexity by text' : 'Divergence by text',
    title: 'text',
    heads: rows.map(({ title }) => ({ name: title })),
    columns: fillColumns(columns, rows),
  };
}

function perplexityColumn(variant: VariantResult): Column<Row> {
  return {
    title: titleOf(variant),
    unit: 'perplexity',
    read: ({ names }) =>
      // Of losses, which add up, and back.
      over(
        variant,
        names,
        ({ perplexity }) =>
          given(perplexity, ({ value, stderr }) => ({ value: Math.log(value), error: stderr / value })),
        ({ value, error = 0 }) => ({ value: Math.exp(value), error: Math.exp(value) * error }),
      ),
    precision: { significant: 4, most: 3 },
  };
}

function divergenceColumn(variant: VariantResult): Column<Row> {
  return {
    title: titleOf(variant),
    unit: 'mean KLD, nats',
    read: ({ names }) =>
      over(variant, names, ({ divergence }) =>
        given(divergence, ({ meanKld, stderrKld }) => ({ value: meanKld, error: stderrKld })),
      ),
    precision: { significant: 3, most: 5 },
  };
}

/** The mean over texts that were chosen apart, with its error. */
function over(
  { domains = [] }: VariantResult,
  names: readonly string[],
  read: (domain: DomainLoss) => Value,
  shown: (mean: Reading) => Reading = (mean) => mean,
): Value {
  const readings: Reading[] = [];
  for (const name of names) {
    const domain = domains.find((one) => printable(one.name) === name);
    const value = domain === undefined ? ABSENT : read(domain);
    if (value === null || typeof value !== 'object' || !('value' in value)) return value;
    readings.push(value);
  }
  const count = readings.length;
  const variance = sum(readings.map(({ error = 0 }) => error ** 2));
  return shown({
    value: sum(readings.map(({ value }) => value)) / count,
    error: Math.sqrt(variance) / count,
  });
}

function titleOf({ name }: VariantResult): string {
  return shortenMiddle(printable(name), MOST_TITLE_WIDTH);
}
