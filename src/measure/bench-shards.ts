import { withoutRepeats } from '../machine/watch.ts';
import { isAvailable } from '../schema/availability.ts';
import type { BenchResults, BenchRow } from '../schema/bench.ts';
import { UsageError } from '../util/errors.ts';
import { takeTurns } from '../util/take-turns.ts';
import { allShards } from './all-shards.ts';
import { isSameMachine } from './same-machine.ts';

/** What `bench` wrote, and where. */
export interface BenchFile {
  readonly source: string;
  readonly results: BenchResults;
}

/**
 * Puts the shards of one bench together: those of one machine become one bench, and machines keep their rows apart,
 * because their speeds are not of one kind. Each shard timed whole models.
 * @param files whole benches among them stay as they are
 * @throws UsageError `shards/missing`, `shards/overlap`, `shards/different`
 */
export function mergeBenchShards(files: readonly BenchFile[]): BenchFile[] {
  const sharded = files.filter(({ results }) => results.shard !== undefined);
  if (sharded.length === 0) return [...files];
  const shards = allShards(
    sharded.map((file) => ({ ...file, name: file.source, shard: file.results.shard })),
  );
  const [first, ...others] = shards;
  if (first !== undefined) for (const other of others) requireSameBench(first, other);
  const timed = shards.filter(({ results }) => results.rows.length > 0);
  const groups: BenchFile[][] = [];
  for (const shard of timed) {
    const group = groups.find(
      ([member]) => member !== undefined && isSameMachine(member.results.machine, shard.results.machine),
    );
    if (group === undefined) groups.push([shard]);
    else group.push(shard);
  }
  return [...groups.map(united), ...files.filter(({ results }) => results.shard === undefined)];
}

function united(group: readonly BenchFile[]): BenchFile {
  const all = group.map(({ results }) => results);
  const last = all.at(-1);
  if (last === undefined) throw new TypeError('a group of shards has a member');
  const { shard: _, ...common } = last;
  return {
    source: group.map(({ source }) => source).join(' + '),
    results: {
      ...common,
      createdAt: all.map(({ createdAt }) => createdAt).sort()[0] ?? common.createdAt,
      // Models went to the shards in turns, and come back so.
      rows: takeTurns(all.map(({ rows }) => byModel(rows))).flat(),
      threadSearches: all.flatMap(({ threadSearches }) => threadSearches),
      warnings: withoutRepeats(all.flatMap(({ warnings }) => warnings)),
    },
  };
}

/** The rows of a shard, model by model in the order in which they were timed. */
function byModel(rows: readonly BenchRow[]): BenchRow[][] {
  const models = new Map<string, BenchRow[]>();
  for (const row of rows) models.set(row.ref, [...(models.get(row.ref) ?? []), row]);
  return [...models.values()];
}

/** @throws UsageError `shards/different` */
function requireSameBench(first: BenchFile, other: BenchFile): void {
  const [there, here] = [factsOf(first.results), factsOf(other.results)];
  const differing = Object.keys(there).filter((name) => {
    const [a, b] = [there[name], here[name]];
    return a !== null && b !== null && a !== b;
  });
  if (differing.length === 0) return;
  const said = differing.map((name) => `${name} ${here[name]}, not ${there[name]}`);
  throw new UsageError(
    'shards/different',
    `${other.source} is no shard of the bench that ${first.source} is of: ${said.join('; ')}`,
    { hint: 'Run all shards with the same models and options.' },
  );
}

/** A shard that timed nothing does not know its engine or its tests. */
function factsOf({ tool, machine: { engine }, repetitions, minutes, seed, rows, shard }: BenchResults) {
  const tests = [...new Set(rows.map(({ test }) => test.name))];
  const facts: Record<string, string | number | null> = {
    quantscope: tool.version,
    'llama.cpp': isAvailable(engine) ? engine.llamaCpp : null,
    models: shard?.models ?? null,
    repetitions,
    minutes: minutes ?? null,
    seed,
    tests: tests.length === 0 ? null : tests.join(' '),
  };
  return facts;
}
