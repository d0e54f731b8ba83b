import { expect, it } from 'vitest';
import { courseOf } from '../../src/api/report/report.ts';
import { compareWithBaseline } from '../../src/measure/baseline.ts';
import { renderEveryChange } from '../../src/report/changes.ts';
import type { Results } from '../../src/schema/results.ts';
import { nanoResults } from '../helpers/results.ts';

const now = nanoResults();
const run = (createdAt: string, cpu = now.machine.cpu): Results => ({
  ...now,
  createdAt,
  machine: { ...now.machine, cpu },
});
const machines = (results: readonly Results[]) =>
  results.map((each) => ({ label: 'machine', sources: [], results: each }));

it('every figure since a baseline has a line with its verdict', () => {
  const comparison = compareWithBaseline(now, run('2026-01-01T00:00:00.000Z'));
  const text = renderEveryChange({ machine: 'm', of: 'comparison', comparison });
  const judged = text.split('\n').filter((line) => /(?:better|worse|within noise|unknown)/.test(line));
  expect(judged).toHaveLength(comparison.changes.length);
  expect(judged.length).toBeGreaterThan(10);
});

it('the course goes over the baselines of the same machine, in the order of time', () => {
  const before = machines([
    run('2026-02-01T00:00:00.000Z'),
    run('2026-01-01T00:00:00.000Z'),
    run('2026-01-02T00:00:00.000Z', 'another processor'),
  ]);
  const [line] = courseOf(before, machines([now]));
  expect(line?.points.map(({ createdAt }) => createdAt)).toEqual([
    '2026-01-01T00:00:00.000Z',
    '2026-02-01T00:00:00.000Z',
    now.createdAt,
  ]);
  expect(courseOf([], machines([now]))).toEqual([]);
});
