import { describe, expect, it } from 'vitest';
import { renderBenchmark, renderOpenMetrics } from '../../src/report/metrics.ts';
import { reportOf } from '../../src/report/report.ts';
import { failedVariant, nanoResults, nanoVariant } from '../helpers/results.ts';

const report = reportOf(
  nanoResults({ variants: [nanoVariant('Q8_0', { name: 'a "b"\\\n' }), failedVariant('Q2_K', 'x', 'y')] }),
);

describe('figures for programs that follow them', () => {
  it('as OpenMetrics are gauges with labels and times, and end as they must', () => {
    const lines = renderOpenMetrics(report).split('\n');
    expect(lines.at(-1)).toBe('# EOF');
    const names = new Set<string>();
    for (const line of lines.slice(0, -1)) {
      // The grammar of a metadata line and of a sample: name, labels with escapes, number, seconds.
      const match =
        /^# (?:TYPE|HELP) (\w+) \S/.exec(line) ??
        /^(\w+)\{variant="(?:[^"\\]|\\["\\n])*",machine="(?:[^"\\]|\\["\\n])*"\} -?\d+(?:\.\d+)?(?:e[-+]\d+)? \d+(?:\.\d+)?$/.exec(
          line,
        );
      expect(match, line).not.toBeNull();
      names.add(match?.[1] ?? '');
    }
    expect(names).toContain('quantscope_generation_tokens_per_second');
    // What failed has a size and nothing else.
    expect(lines.filter((line) => line.includes('variant="Q2_K"'))).toHaveLength(1);
  });

  it('as github-action-benchmark reads them have one direction, and no figure that was not taken', () => {
    const bigger = JSON.parse(renderBenchmark(report, 'higher'));
    const smaller = JSON.parse(renderBenchmark(report, 'lower'));
    expect(bigger.map(({ unit }: { unit: string }) => unit)).toEqual([
      'tokens/s',
      'tokens/s',
      'tokens/s',
      'ratio',
      'ratio',
    ]);
    for (const { name, unit, value } of [...bigger, ...smaller]) {
      expect([typeof name, typeof unit, typeof value]).toEqual(['string', 'string', 'number']);
    }
    expect(smaller.find(({ name }: { name: string }) => name.endsWith('mean kld nats'))).toMatchObject({
      unit: 'nats',
      range: expect.stringMatching(/^± /),
    });
  });
});
