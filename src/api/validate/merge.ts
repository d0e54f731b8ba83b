import { allShards } from '../../measure/all-shards.ts';
import type { ValidationReport } from '../../schema/validation.ts';
import { UsageError } from '../../util/errors.ts';
import { takeTurns } from '../../util/take-turns.ts';
import { readValidationFile } from '../report/input.ts';

/**
 * Puts the reports of shards together as one of all files, in the order that one machine would have given them in.
 * @param paths what `validate --shard --json` printed, in any order
 * @throws UsageError `input/unreadable`, `report/invalid`, `shards/missing`, `shards/overlap`, `shards/different`
 */
export async function mergeValidations(paths: readonly string[]): Promise<ValidationReport> {
  const read: { readonly name: string; readonly report: ValidationReport }[] = [];
  for (const name of new Set(paths)) read.push({ name, report: await readValidationFile(name) });
  const shards = allShards(read.map((file) => ({ ...file, shard: file.report.shard })));
  const [first] = shards;
  if (first?.shard === undefined) {
    throw new UsageError('shards/missing', 'there is no shard to put together', {
      hint: 'Name what quantscope validate --shard i/n --json printed.',
    });
  }
  const { files: all, count, toolVersion } = first.shard;
  for (const { name, shard, report } of shards) {
    if (shard?.files !== all || shard.toolVersion !== toolVersion) {
      throw new UsageError(
        'shards/different',
        `${name} is a shard of ${shard?.files} files, by quantscope ${shard?.toolVersion}; ${first.name} one of ${all}, by ${toolVersion}`,
        { hint: 'Run all shards with one version of quantscope over the same files.' },
      );
    }
    const due = Math.max(0, Math.ceil((all - shard.index + 1) / count));
    if (report.files.length !== due) {
      throw new UsageError(
        'shards/different',
        `${name} holds ${report.files.length} files, and shard ${shard.index} of ${count} of ${all} has ${due}`,
        { hint: 'Run that shard again: what it printed is not whole.' },
      );
    }
  }
  // Files went to the shards in turns.
  const files = takeTurns(shards.map(({ report }) => report.files));
  const twice = files.find(({ ref }, index) => files.findIndex((other) => other.ref === ref) !== index);
  if (twice !== undefined) {
    throw new UsageError(
      'shards/different',
      `${twice.ref} is in two shards: they are not of the same list of files`,
      {
        hint: 'Run all shards over the same refs, in the same order.',
      },
    );
  }
  return { schema: first.report.schema, files };
}
