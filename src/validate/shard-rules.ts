import { getNumber, type HeaderScan, parseShardName } from '../gguf/index.ts';
import { atKey, quoted, wrongType } from './finding.ts';
import type { Checks } from './rule.ts';

const NO = 'split.no';
const COUNT = 'split.count';
const TENSORS = 'split.tensors.count';
const MOST_NAMED = 5;

/** The group shard: a model in several files. The ids are the reader's, which checks the same where it reads shards as one. */
export const SHARD_RULES: Checks = {
  *'shard/key'(file) {
    if (file.header === null) return;
    const types = [
      [NO, ['uint16']],
      [COUNT, ['uint16']],
      [TENSORS, ['int32', 'uint32']],
    ] as const;
    for (const [key, allowed] of types) {
      const value = file.header.metadata.get(key);
      if (value === undefined || allowed.some((type) => type === value.type)) continue;
      yield wrongType(file, key, value, allowed[0]);
    }
  },
  *'shard/number'(file) {
    const stated = statedOf(file.scan);
    if (file.header === null || stated === undefined) return;
    if (stated.count >= 1 && stated.no < stated.count) return;
    yield atKey(file, NO, `shard ${stated.no} of ${stated.count}, counted from 0`);
  },
  *'shard/name'(file) {
    const stated = statedOf(file.scan);
    // Shards that were joined have a rule of their own.
    if (file.header === null || file.joinedAt !== null) return;
    if ([NO, COUNT].some((key) => (file.header?.metadata.get(key)?.type ?? 'uint16') !== 'uint16')) return;
    const named = parseShardName(file.name);
    if (stated === undefined || stated.count <= 1) {
      if (named === undefined || named.count <= 1 || stated?.count === 1) return;
      yield {
        message: `named shard ${named.number} of ${named.count}, but the file does not say that it is one`,
        key: COUNT,
      };
      return;
    }
    if (named?.number === stated.no + 1 && named.count === stated.count) return;
    const name = `-${digits(stated.no + 1)}-of-${digits(stated.count)}.gguf`;
    yield atKey(file, COUNT, `shard ${stated.no + 1} of ${stated.count}, so its name must end with ${name}`);
  },
  *'shard/missing'({ shards, scan }) {
    const all = shards ?? [];
    const absent = all.filter((shard) => shard.scan === null).map(({ name }) => name);
    // A later shard that stands beside its first is spoken for by that.
    const isAlone = !isFirst(scan) && all[0]?.scan === null;
    if ((isFirst(scan) || isAlone) && absent.length > 0) {
      const some = absent.slice(0, MOST_NAMED).join(', ');
      const more = absent.length > MOST_NAMED ? `, and ${absent.length - MOST_NAMED} more` : '';
      yield { message: `${absent.length} of ${all.length} shards are absent: ${some}${more}` };
    }
    if (!isFirst(scan)) return;
    for (const { name, scan: sibling } of all) {
      if (sibling?.header === null)
        yield { message: `${name} cannot be read: ${sibling.issues[0]?.message ?? ''}` };
    }
  },
  *'shard/count'({ shards, scan }) {
    const first = statedOf(scan);
    if (shards === null || first === undefined || !isFirst(scan)) return;
    for (const [index, { name, scan: sibling }] of shards.entries()) {
      if (sibling === null || sibling.header === null) continue;
      const stated = statedOf(sibling);
      if (stated?.no === index && stated.count === first.count) continue;
      const says =
        stated === undefined ? 'does not say that it is a shard' : `says ${stated.no} of ${stated.count}`;
      yield { message: `${name} ${says}, expected ${index} of ${first.count}` };
    }
  },
  *'shard/tensor-count'(file) {
    const stated = getNumber(file.scan, TENSORS);
    const { shards } = file;
    if (stated === undefined || shards === null || !isFirst(file.scan)) return;
    if (shards.some(({ scan }) => scan === null || scan.header === null)) return;
    const actual = shards.reduce((sum, { scan }) => sum + (scan?.tensors.length ?? 0), 0);
    if (actual !== stated)
      yield atKey(file, TENSORS, `${actual} tensors in all shards, ${TENSORS} says ${stated}`);
  },
  *'shard/tensor-duplicate'({ shards, scan }) {
    if (shards === null || !isFirst(scan)) return;
    const places = new Map<string, string>();
    for (const { name, scan: sibling } of shards) {
      for (const tensor of new Set(sibling?.tensors.map((info) => info.name))) {
        const before = places.get(tensor);
        if (before !== undefined) {
          yield { message: `tensor ${quoted(tensor)} is in ${before} and in ${name}`, tensor };
        } else places.set(tensor, name);
      }
    }
  },
};

function statedOf(scan: HeaderScan): { readonly no: number; readonly count: number } | undefined {
  const count = getNumber(scan, COUNT);
  return count === undefined ? undefined : { no: getNumber(scan, NO) ?? 0, count };
}

function isFirst(scan: HeaderScan): boolean {
  return (statedOf(scan)?.no ?? 0) === 0;
}

function digits(number: number): string {
  return String(number).padStart(5, '0');
}
