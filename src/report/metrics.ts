import { FOLLOWED_FIGURES, type FollowedFigure, figureIn } from '../measure/followed-figures.ts';
import { type Report, rowsOf } from './report.ts';

/** Figures for programs that follow them over time: OpenMetrics text, and the JSON of github-action-benchmark. */

/**
 * OpenMetrics text 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/): a gauge for each figure, labelled by
 * variant and machine, with the time of the measurement. What could not be taken is left out.
 */
export function renderOpenMetrics(report: Report): string {
  const times = new Map(
    report.machines.map(({ label, results }) => [label, Date.parse(results.createdAt) / 1000]),
  );
  const families = FOLLOWED_FIGURES.flatMap((figure) => {
    const { metric: name, help } = figure;
    const samples = rowsOf(report).flatMap(({ variant, machine }) => {
      const value = figureIn(figure, variant);
      if (value === null) return [];
      const labels = `variant="${label(variant.name)}",machine="${label(machine)}"`;
      return [`${name}{${labels}} ${value} ${times.get(machine) ?? ''}`.trimEnd()];
    });
    return samples.length === 0 ? [] : [`# TYPE ${name} gauge`, `# HELP ${name} ${help}`, ...samples];
  });
  return [...families, '# EOF'].join('\n');
}

function label(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/**
 * What github-action-benchmark reads as `customBiggerIsBetter` and `customSmallerIsBetter`
 * (https://github.com/benchmark-action/github-action-benchmark): it takes figures of one direction only.
 */
export function renderBenchmark(report: Report, better: FollowedFigure['better']): string {
  const several = report.machines.length > 1;
  const entries = rowsOf(report).flatMap(({ variant, machine }) =>
    FOLLOWED_FIGURES.filter((figure) => figure.better === better).flatMap((figure) => {
      const value = figureIn(figure, variant);
      if (value === null) return [];
      const spread = figure.spread(variant);
      const name = figure.metric.replace(/^quantscope_/, '').replaceAll('_', ' ');
      return [
        {
          name: `${variant.name}: ${name}${several ? ` (${machine})` : ''}`,
          // A share is a ratio too, and its name says so.
          unit: figure.unit === 'share' ? 'ratio' : figure.unit,
          value,
          ...(spread !== null ? { range: `± ${spread}` } : {}),
        },
      ];
    }),
  );
  return JSON.stringify(entries, null, 2);
}
