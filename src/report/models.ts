import { describeModels } from './provenance.ts';
import type { Report } from './report.ts';

/** What the report is about: the models of its comparisons, else of its benches and phones. */
export function modelsOf({ machines, benches, phones }: Report): string {
  const [first, ...others] = machines;
  if (first !== undefined) {
    const variants = [first, ...others].flatMap(({ results }) => results.variants);
    return describeModels({ ...first.results, variants }) || 'Quantizations compared';
  }
  const names = [
    ...benches.flatMap(({ results }) => results.rows.map(({ model }) => model.name ?? model.label)),
    ...phones.map(({ check }) => check.model),
  ];
  return [...new Set(names)].join('; ');
}
