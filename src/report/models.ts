import { describeModels } from './provenance.ts';
import { endpointsOf, type Report } from './report.ts';

/** What the report is about: the models of its comparisons, else of its benches and phones. */
export function modelsOf(report: Report): string {
  const { machines, benches, phones } = report;
  const [first, ...others] = machines;
  if (first !== undefined) {
    const variants = [first, ...others].flatMap(({ results }) => results.variants);
    const endpoints = new Set(endpointsOf(report).map(({ endpoint }) => endpoint.name));
    return (
      describeModels({ ...first.results, variants }) || [...endpoints].join('; ') || 'Quantizations compared'
    );
  }
  const names = [
    ...benches.flatMap(({ results }) => results.rows.map(({ model }) => model.name ?? model.label)),
    ...phones.map(({ check }) => check.model),
  ];
  return [...new Set(names)].join('; ');
}
