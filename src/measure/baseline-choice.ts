import type { BenchResults } from '../schema/bench.ts';
import type { ContextResults } from '../schema/context.ts';
import type { BaselineComparison } from '../schema/report.ts';
import type { Machine, Results } from '../schema/results.ts';
import { UsageError } from '../util/errors.ts';
import { compareWithBaseline } from './baseline.ts';
import { setupDifferences } from './baseline-differences.ts';
import { compareBenches, compareContexts, pooledBench } from './baseline-rows.ts';
import type { MachineResults } from './merge.ts';
import { isSameMachine, machineDifferences } from './same-machine.ts';

/**
 * What changed on one machine since its baseline. Tables and gates both ask here, so that they cannot speak of two
 * baselines. The baseline of a machine is that of the same machine in the same setup; where there is none, the only one
 * there is, and the comparison then says, field by field, what does not compare.
 * @param baselines earlier results, in which runs of one configuration are one
 * @returns null where none was given
 * @throws UsageError `baseline/several` where more than one would do, or none does and there are several
 */
export function comparisonWith(
  results: Results,
  baselines: readonly MachineResults[],
): BaselineComparison | null {
  const baseline = baselineFor(
    results,
    baselines.map(({ sources, label, results: there }) => ({
      name: sources.join(' + ') || label,
      results: there,
    })),
    (there) => setupDifferences(results, there),
  );
  return baseline === null ? null : compareWithBaseline(results, baseline);
}

/** The same for what `bench` timed: several of one machine are runs of one configuration, row by row. */
export function benchComparisonWith(
  bench: BenchResults,
  baselines: readonly { readonly source: string; readonly results: BenchResults }[],
): BaselineComparison | null {
  const own = baselines.filter(({ results }) => isSameMachine(bench.machine, results.machine));
  const pooled =
    own.length > 1
      ? [{ name: own[0]?.source ?? '', results: pooledBench(own.map(({ results }) => results)) }]
      : null;
  const named = pooled ?? baselines.map(({ source, results }) => ({ name: source, results }));
  const baseline = baselineFor(bench, named, () => []);
  return baseline === null ? null : compareBenches(bench, baseline);
}

/** The same for what `context` measured of a model. */
export function contextComparisonWith(
  context: ContextResults,
  baselines: readonly { readonly source: string; readonly results: ContextResults }[],
): BaselineComparison | null {
  const named = baselines.map(({ source, results }) => ({ name: source, results }));
  const modelOf = ({ model }: ContextResults) => `${model.name ?? model.architecture} ${model.quantization}`;
  const baseline = baselineFor(context, named, (there) =>
    modelOf(there) === modelOf(context) ? [] : [`model ${modelOf(there)} there, ${modelOf(context)} here`],
  );
  return baseline === null ? null : compareContexts(context, baseline);
}

/**
 * @param differences in what a baseline of the same machine is none of these results
 * @throws UsageError `baseline/several`
 */
function baselineFor<Measured extends { readonly machine: Machine }>(
  results: Measured,
  baselines: readonly { readonly name: string; readonly results: Measured }[],
  differences: (there: Measured) => string[],
): Measured | null {
  const [only, ...others] = baselines;
  if (only === undefined) return null;
  if (others.length === 0) return only.results;
  const machine = baselines.filter((each) => isSameMachine(results.machine, each.results.machine));
  const own = machine.filter((each) => differences(each.results).length === 0);
  const [first, ...more] = own.length > 0 ? own : machine;
  if (first !== undefined && more.length === 0) return first.results;
  const candidates = own.length > 0 ? own : machine.length > 0 ? machine : baselines;
  const said = candidates.map(({ name, results: there }) => {
    const differing = [...machineDifferences(results.machine, there.machine), ...differences(there)];
    return `${name} (${differing.length === 0 ? 'the same machine and setup' : differing.join('; ')})`;
  });
  throw new UsageError(
    'baseline/several',
    first === undefined
      ? `none of the baselines is from the machine of the results: ${said.join(', ')}`
      : `more than one baseline is from the machine of the results, and they are not runs of one configuration: ${said.join(', ')}`,
    { hint: 'Name the one that is meant.' },
  );
}
