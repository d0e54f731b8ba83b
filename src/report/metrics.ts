import { isAvailable } from '../schema/availability.ts';
import type { VariantResult } from '../schema/results.ts';
import { type Report, rowsOf } from './report.ts';

/** Figures for programs that follow them over time: OpenMetrics text, and the JSON of github-action-benchmark. */

interface Metric {
  /** By OpenMetrics' rules: letters, and the unit at the end. */
  readonly name: string;
  readonly help: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly read: (row: VariantResult) => unknown;
  /** Plus or minus so much. */
  readonly spread?: (row: VariantResult) => unknown;
}

const speeds = (['prompt', 'generation', 'generationAtDepth'] as const).map((test): Metric => {
  const rateOf = ({ speed }: VariantResult) => {
    const rate = isAvailable(speed) ? speed[test] : undefined;
    return rate !== undefined && isAvailable(rate) ? rate : undefined;
  };
  const name = { prompt: 'prompt', generation: 'generation', generationAtDepth: 'generation_at_depth' }[test];
  return {
    name: `quantscope_${name}_tokens_per_second`,
    help: `Speed: ${name.replaceAll('_', ' ')}.`,
    unit: 'tokens/s',
    better: 'higher',
    read: (row) => rateOf(row)?.meanTps,
    spread: (row) => rateOf(row)?.stddevTps,
  };
});

const METRICS: readonly Metric[] = [
  ...speeds,
  {
    name: 'quantscope_file_bytes',
    help: 'Size of the file.',
    unit: 'bytes',
    better: 'lower',
    read: ({ file }) => file.bytes,
  },
  {
    name: 'quantscope_peak_memory_bytes',
    help: 'High-water mark of the process.',
    unit: 'bytes',
    better: 'lower',
    read: ({ memory }) => (isAvailable(memory) ? memory.peakRssBytes : undefined),
  },
  {
    name: 'quantscope_perplexity_ratio',
    help: 'Perplexity.',
    unit: 'ratio',
    better: 'lower',
    read: ({ perplexity }) => (isAvailable(perplexity) ? perplexity.value : undefined),
    spread: ({ perplexity }) => (isAvailable(perplexity) ? perplexity.stderr : undefined),
  },
  {
    name: 'quantscope_mean_kld_nats',
    help: 'Mean KL divergence from the reference.',
    unit: 'nats',
    better: 'lower',
    read: ({ divergence }) => (isAvailable(divergence) ? divergence.meanKld : undefined),
    spread: ({ divergence }) => (isAvailable(divergence) ? divergence.stderrKld : undefined),
  },
  {
    name: 'quantscope_same_top_ratio',
    help: 'Positions with the same most likely token as the reference.',
    unit: 'ratio',
    better: 'higher',
    read: ({ divergence }) => (isAvailable(divergence) ? divergence.sameTop : undefined),
  },
  {
    name: 'quantscope_tasks_correct_ratio',
    help: 'Tasks that were answered right.',
    unit: 'ratio',
    better: 'higher',
    read: ({ tasks }) => (isAvailable(tasks) && tasks.total > 0 ? tasks.correct / tasks.total : undefined),
  },
];

/**
 * OpenMetrics text 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/): a gauge for each figure, labelled by
 * variant and machine, with the time of the measurement. What could not be taken is left out.
 */
export function renderOpenMetrics(report: Report): string {
  const times = new Map(
    report.machines.map(({ label, results }) => [label, Date.parse(results.createdAt) / 1000]),
  );
  const families = METRICS.flatMap(({ name, help, read }) => {
    const samples = rowsOf(report).flatMap(({ variant, machine }) => {
      const value = read(variant);
      if (typeof value !== 'number') return [];
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
export function renderBenchmark(report: Report, better: Metric['better']): string {
  const several = report.machines.length > 1;
  const entries = rowsOf(report).flatMap(({ variant, machine }) =>
    METRICS.filter((metric) => metric.better === better).flatMap((metric) => {
      const value = metric.read(variant);
      if (typeof value !== 'number') return [];
      const spread = metric.spread?.(variant);
      const name = metric.name.replace(/^quantscope_/, '').replaceAll('_', ' ');
      return [
        {
          name: `${variant.name}: ${name}${several ? ` (${machine})` : ''}`,
          unit: metric.unit,
          value,
          ...(typeof spread === 'number' ? { range: `± ${spread}` } : {}),
        },
      ];
    }),
  );
  return JSON.stringify(entries, null, 2);
}
