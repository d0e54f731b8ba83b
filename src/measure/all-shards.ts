import { UsageError } from '../util/errors.ts';
import type { Share } from './share.ts';

/** What one shard gave, and how messages name it. */
interface ShardNamed {
  readonly name: string;
  /** Absent of a whole run. */
  readonly shard?: Share | undefined;
}

/**
 * The shards of one run in order, once it is known that all are there.
 * @throws UsageError `shards/missing`, `shards/overlap`, `shards/different`
 */
export function allShards<File extends ShardNamed>(files: readonly File[]): readonly File[] {
  const byIndex = new Map<number, File>();
  let count: number | null = null;
  for (const file of files) {
    const { shard, name } = file;
    if (shard === undefined) {
      throw new UsageError('shards/different', `${name} is a whole run, not a shard of one`, {
        hint: 'Name the results of the shards alone.',
      });
    }
    count ??= shard.count;
    if (shard.count !== count) {
      throw new UsageError(
        'shards/different',
        `${name} is one of ${shard.count} shards, the others of ${count}`,
        {
          hint: 'Name the shards of one run alone.',
        },
      );
    }
    const other = byIndex.get(shard.index);
    if (other !== undefined) {
      throw new UsageError(
        'shards/overlap',
        `${name} and ${other.name} are both shard ${shard.index} of ${count}`,
        { hint: 'Name each shard once.' },
      );
    }
    byIndex.set(shard.index, file);
  }
  const missing = Array.from({ length: count ?? 1 }, (_, i) => i + 1).filter((index) => !byIndex.has(index));
  if (missing.length > 0) {
    const one = missing.length === 1;
    throw new UsageError(
      'shards/missing',
      `${one ? 'shard' : 'shards'} ${missing.join(', ')} of ${count ?? 1} ${one ? 'is' : 'are'} missing`,
      { hint: 'Run what is missing with --shard i/n, and name the results of all shards.' },
    );
  }
  return [...byIndex.entries()].sort(([a], [b]) => a - b).map(([, file]) => file);
}
