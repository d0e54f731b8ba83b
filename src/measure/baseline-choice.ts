import type { BaselineComparison } from '../schema/report.ts';
import type { Results } from '../schema/results.ts';
import { UsageError } from '../util/errors.ts';
import { compareWithBaseline } from './baseline.ts';
import { setupDifferences } from './baseline-differences.ts';
import type { MachineResults } from './merge.ts';
import { machineDifferences } from './same-machine.ts';

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
  const baseline = baselineOf(results, baselines);
  return baseline === null ? null : compareWithBaseline(results, baseline);
}

function baselineOf(results: Results, baselines: readonly MachineResults[]): Results | null {
  const [only, ...others] = baselines;
  if (only === undefined) return null;
  if (others.length === 0) return only.results;
  const machine = baselines.filter(
    (each) => machineDifferences(results.machine, each.results.machine).length === 0,
  );
  const own = machine.filter((each) => setupDifferences(results, each.results).length === 0);
  const [first, ...more] = own.length > 0 ? own : machine;
  if (first !== undefined && more.length === 0) return first.results;
  const candidates = own.length > 0 ? own : machine.length > 0 ? machine : baselines;
  const said = candidates.map((each) => {
    const differing = [
      ...machineDifferences(results.machine, each.results.machine),
      ...setupDifferences(results, each.results),
    ];
    return `${each.sources.join(' + ')} (${differing.length === 0 ? each.label : differing.join('; ')})`;
  });
  throw new UsageError(
    'baseline/several',
    first === undefined
      ? `none of the baselines is from the machine of the results: ${said.join(', ')}`
      : `more than one baseline is from the machine of the results, and they are not runs of one configuration: ${said.join(', ')}`,
    { hint: 'Name the one that is meant.' },
  );
}
