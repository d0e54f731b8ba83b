import { settledPart } from '../device/sustained.ts';
import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { BenchResults, BenchRow } from '../schema/bench.ts';
import type { ContextResults } from '../schema/context.ts';
import type { Disturbance, Rate } from '../schema/figures.ts';
import type { FitReport } from '../schema/fit.ts';
import type { BaselineComparison } from '../schema/report.ts';
import type { Machine } from '../schema/results.ts';
import { type Compared, changesOf } from './baseline.ts';
import type { Differences } from './baseline-differences.ts';
import { exactlyHere, judgeSpeed, withoutSpread } from './baseline-judges.ts';
import { type GateRow, judgeableBench, judgeableContext, judgeableFit, keyOfBenchRow } from './gate-rows.ts';
import { pooledRate } from './pool-runs.ts';
import { rateOf } from './rates.ts';
import { machineDifferences } from './same-machine.ts';

/** What changed since an earlier bench, context or fit: rows that are of one test are compared, by the rules of results. */

const once = withoutSpread('taken once, without its spread');
type Figures = GateRow['figures'];

const BENCH_FIGURES: readonly Compared<Figures>[] = [
  ['speed.meanTps', 'speed', 'tokens/s', 'higher', judgeSpeed(speedAt('speed'))],
  sustained('generation'),
  sustained('prompt'),
  ['loadMs', 'time to load', 'ms', 'lower', once],
  ['memory.peakRssBytes', 'peak memory', 'bytes', 'lower', once],
  ['memory.weightsBytes', "the weights' memory", 'bytes', 'lower', exactlyHere],
  ['memory.kvBytes', "the KV cache's memory", 'bytes', 'lower', exactlyHere],
  ['memory.computeBytes', "the compute buffers' memory", 'bytes', 'lower', exactlyHere],
];

const CONTEXT_FIGURES: readonly Compared<Figures>[] = [
  ['prompt.meanTps', 'prompt speed', 'tokens/s', 'higher', judgeSpeed(speedAt('prompt'))],
  [
    'generationAtDepth.meanTps',
    'generation speed at depth',
    'tokens/s',
    'higher',
    judgeSpeed(speedAt('generationAtDepth')),
  ],
  ['estimated.totalBytes', 'memory, estimated', 'bytes', 'lower', exactlyHere],
  ['measured.peakRssBytes', 'peak memory', 'bytes', 'lower', once],
  ['measured.kvBytes', "the KV cache's memory", 'bytes', 'lower', exactlyHere],
  ['measured.computeBytes', "the compute buffers' memory", 'bytes', 'lower', exactlyHere],
];

const FIT_FIGURES: readonly Compared<Figures>[] = [
  ['memory.totalBytes', 'memory, estimated', 'bytes', 'lower', exactlyHere],
  ['memory.headroomBytes', 'what is left of the budget', 'bytes', 'higher', exactlyHere],
  ['speed.generationTps', 'generation speed, by fit', 'tokens/s', 'higher', exactlyHere],
];

/** A rate of a row with its disturbance, by the name of the field that holds it. */
function speedAt(field: string) {
  return (row: Figures) => {
    // Rows come from documents that were checked against their schema; the field is one of theirs.
    const { [field]: found, disturbed } = row as Readonly<Record<string, Rate | Unavailable>> & {
      readonly disturbed?: readonly Disturbance[];
    };
    if (found === undefined || !isAvailable(found)) return null;
    return { rate: found, test: testOf(row, found), disturbance: disturbed };
  };
}

/** The speed that is left after minutes, judged by the windows that it is the median of. */
function sustained(part: 'generation' | 'prompt'): Compared<Figures> {
  return [
    `sustained.${part}.sustainedTps`,
    `sustained ${part} speed`,
    'tokens/s',
    'higher',
    judgeSpeed((row) => {
      // Only rows of a bench have such a figure.
      const { sustained: curve, test, disturbed } = row as BenchRow;
      if (curve === undefined) return null;
      const tokens = part === 'generation' ? test.generationTokens : test.promptTokens;
      const rates = settledPart(curve.windows).flatMap(({ generationTps, promptTps }) => {
        const tps = part === 'generation' ? generationTps : promptTps;
        return tps === null ? [] : [tps];
      });
      if (tokens === 0 || rates.length === 0) return null;
      const rate = rateOf(
        tokens,
        rates.map((tps) => (1e9 * tokens) / tps),
      );
      return { rate, test: JSON.stringify(test), disturbance: disturbed };
    }),
  ];
}

/** Rows of one test share what their runs say of noise. */
function testOf(row: Figures, { tokens }: Rate): string {
  return 'test' in row ? JSON.stringify(row.test) : `${tokens}`;
}

/**
 * Runs of one bench as one: the speeds of rows that are of one test are pooled, each run's kept apart; runs that were
 * disturbed are left out where others were not.
 */
export function pooledBench(benches: readonly BenchResults[]): BenchResults {
  const [first, ...others] = benches;
  if (first === undefined) throw new TypeError('no bench to pool');
  if (others.length === 0) return first;
  const byKey = new Map<string, BenchRow[]>();
  for (const row of benches.flatMap(({ rows }) => rows)) {
    const key = keyOfBenchRow(row);
    byKey.set(key, [...(byKey.get(key) ?? []), row]);
  }
  return { ...first, rows: [...byKey.values()].map(pooledRow) };
}

/** Whether two benches timed the same rows, in the same number of repetitions: they are then runs of one configuration. */
export function areRunsOfOne(one: BenchResults, other: BenchResults): boolean {
  const rowsOf = ({ repetitions, rows }: BenchResults) =>
    JSON.stringify([repetitions, [...new Set(rows.map(keyOfBenchRow))].sort()]);
  return machineDifferences(one.machine, other.machine).length === 0 && rowsOf(one) === rowsOf(other);
}

function pooledRow(rows: readonly BenchRow[]): BenchRow {
  const ran = rows.filter(({ speed }) => isAvailable(speed));
  const quiet = ran.filter(({ disturbed }) => disturbed === undefined);
  const used = quiet.length > 0 ? quiet : ran;
  const last = used.at(-1) ?? rows.at(-1);
  if (last === undefined) throw new TypeError('a group has a row');
  const speed = pooledRate(used.map((row) => row.speed));
  if (used.length < 2 || speed === null || !isAvailable(last.speed)) return last;
  return { ...last, speed: { ...speed, medianTps: last.speed.medianTps }, ...middleCurve(used) };
}

/** Curves cannot be laid together: the one in the middle, by its sustained speed, stands for all. */
function middleCurve(rows: readonly BenchRow[]): Pick<BenchRow, 'sustained'> {
  const curves = rows.flatMap(({ sustained: curve }) =>
    curve !== undefined && isAvailable(curve.generation)
      ? [{ curve, tps: curve.generation.sustainedTps }]
      : [],
  );
  const middle = curves.sort((a, b) => a.tps - b.tps)[Math.floor((curves.length - 1) / 2)];
  return middle === undefined ? {} : { sustained: middle.curve };
}

/** @throws nothing: what does not compare says why */
export function compareBenches(now: BenchResults, before: BenchResults): BaselineComparison {
  const key = (row: GateRow) => keyOfBenchRow(row.figures as BenchRow);
  return comparisonOf(judgeableBench(now).rows, judgeableBench(before).rows, BENCH_FIGURES, {
    key,
    before,
    machines: differenceOf(now.machine, before.machine),
  });
}

export function compareContexts(now: ContextResults, before: ContextResults): BaselineComparison {
  const set = (
    ['threads', 'promptThreads', 'gpu', 'gpuLayers', 'batchSize', 'generationTokens'] as const
  ).filter((name) => now.settings[name] !== before.settings[name]);
  const otherwise = set.map((name) => `${name} ${before.settings[name]} there, ${now.settings[name]} here`);
  const machines =
    differenceOf(now.machine, before.machine) ??
    (set.length === 0 ? null : `the baseline ran in another way: ${otherwise.join('; ')}`);
  return comparisonOf(judgeableContext(now).rows, judgeableContext(before).rows, CONTEXT_FIGURES, {
    key: ({ name }) => name,
    before,
    machines,
  });
}

export function compareFits(now: FitReport, before: FitReport): BaselineComparison {
  return comparisonOf(judgeableFit(now).rows, judgeableFit(before).rows, FIT_FIGURES, {
    key: ({ name }) => name,
    before: null,
    machines: fitDifference(now, before),
  });
}

/** What the app is to do on the phones, where that is not the same: another need of memory is then no change of a file. */
function fitDifference(now: FitReport, before: FitReport): string | null {
  const settingsOf = ({ devices }: FitReport, name: 'contextSize' | 'cacheType') => [
    ...new Set(devices.flatMap(({ variants }) => variants.map((variant) => variant[name]))),
  ];
  const differing = (['contextSize', 'cacheType'] as const).flatMap((name) => {
    const [there, here] = [settingsOf(before, name).join(', '), settingsOf(now, name).join(', ')];
    return there === here ? [] : [`${name} ${there} there, ${here} here`];
  });
  return differing.length === 0 ? null : `the baseline was reckoned in another way: ${differing.join('; ')}`;
}

interface Comparing {
  readonly key: (row: GateRow) => string;
  /** Null of what is reckoned and has no time. */
  readonly before: Pick<BenchResults, 'createdAt' | 'tool'> | null;
  readonly machines: string | null;
}

function comparisonOf(
  now: readonly GateRow[],
  then: readonly GateRow[],
  figures: readonly Compared<Figures>[],
  { key, before, machines }: Comparing,
): BaselineComparison {
  const earlier = new Map(then.map((row) => [key(row), row]));
  const differences: Differences = {
    machines,
    evaluations: null,
    references: null,
    tasks: null,
    choices: null,
    tools: null,
  };
  const pairs = now.flatMap((row) => {
    const old = earlier.get(key(row));
    return old === undefined ? [] : [{ name: row.name, before: old.figures, after: row.figures }];
  });
  const keys = new Set(now.map(key));
  return {
    baseline: before === null ? null : { createdAt: before.createdAt, toolVersion: before.tool.version },
    changes: pairs.flatMap(({ name, ...pair }) =>
      changesOf(name, { ...pair, all: pairs, differences, significance: 0, speedAllowance: 0 }, figures),
    ),
    added: now.filter((row) => !earlier.has(key(row))).map(({ name }) => name),
    removed: then.filter((row) => !keys.has(key(row))).map(({ name }) => name),
    notes: machines === null ? [] : [`Speed and memory are not judged: ${machines}.`],
  };
}

function differenceOf(here: Machine, there: Machine): string | null {
  const differing = machineDifferences(here, there);
  return differing.length === 0 ? null : `the baseline is from another machine: ${differing.join('; ')}`;
}
