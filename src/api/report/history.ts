import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setupDifferences } from '../../measure/baseline-differences.ts';
import { historyOf } from '../../measure/history.ts';
import { isSameMachine } from '../../measure/same-machine.ts';
import type { Report } from '../../report/report.ts';
import type { Results } from '../../schema/results.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { type Host, hostOf } from '../host.ts';
import { readMeasurements } from './input.ts';

/**
 * Each figure over the results in a folder that are of the machine and setup of the report's first comparison, that one
 * among them. Files of other commands, machines and setups are left out.
 * @throws UsageError `history/unreadable`, `history/nothing`
 */
export async function readHistory(
  folder: string,
  { machines }: Pick<Report, 'machines'>,
  host: Pick<Host, 'signal' | 'progress'> = {},
): Promise<Report['history']> {
  const own = machines[0]?.results;
  if (own === undefined) {
    throw new UsageError('history/nothing', '--history follows variants, and no file compares any', {
      hint: 'Name results of compare or eval too.',
    });
  }
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new UsageError('history/unreadable', `${folder} cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: 'Name the folder that earlier results are in.',
    });
  });
  const found = new Map<string, Results>();
  const files = names.filter((each) => each.endsWith('.json')).sort();
  const { signal, progress } = hostOf(host);
  for (const [done, name] of files.entries()) {
    signal.throwIfAborted();
    progress({ kind: 'step', subject: name, stage: 'history', done, total: files.length });
    for (const results of await resultsIn(join(folder, name))) {
      if (!isSameMachine(own.machine, results.machine) || setupDifferences(own, results).length > 0) continue;
      found.set(results.createdAt, results);
    }
  }
  if (!(own.runs ?? [own.createdAt]).some((run) => found.has(run))) found.set(own.createdAt, own);
  return historyOf([...found.values()]);
}

/** Whole results; of anything else none. */
async function resultsIn(path: string): Promise<Results[]> {
  try {
    const { kind, content } = await readMeasurements(path);
    const all =
      kind === 'results'
        ? [content]
        : kind === 'report'
          ? content.machines.map(({ results }) => results)
          : [];
    return all.filter(({ shard }) => shard === undefined);
  } catch (thrown) {
    // A folder of results holds gates, pages and half-written files too.
    if (thrown instanceof UsageError && thrown.code === 'report/invalid') return [];
    throw thrown;
  }
}
