import type { ByteSource } from '../io/byte-source.ts';
import { GgufError } from './errors.ts';
import type { GgufHeader, MetadataValue, ParsedHeader, TensorInfo } from './header.ts';
import { quote } from './metadata-parser.ts';
import { type ReadOptions, readHeader } from './read.ts';
import { type StructureCode, type StructureIssue, severityOf } from './structure-codes.ts';

/** What the name of a shard says: `model-00002-of-00005.gguf`. */
export interface ShardName {
  readonly prefix: string;
  /** From 1. */
  readonly number: number;
  readonly count: number;
  /** What follows the name in a URL: `?download=true`. Else empty. */
  readonly query: string;
}

/** A tensor of a sharded model, with the shard that holds its data. */
export interface ShardedTensor extends TensorInfo {
  /** Index of the shard, from 0. Offsets count from that shard's data section. */
  readonly shard: number;
}

/** The shards of one model read as one. */
export interface ShardedHeader extends GgufHeader {
  readonly tensors: readonly ShardedTensor[];
  readonly shards: readonly ParsedHeader[];
}

/** More shards than any model has; names are not made for a count that a file name invents. */
const MAXIMUM_SHARDS = 10_000;

/** Splits a shard's file name, path or URL; undefined where it is none. */
export function parseShardName(name: string): ShardName | undefined {
  const query = /^https?:/i.test(name) ? (/[?#].*$/s.exec(name)?.[0] ?? '') : '';
  const match = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s.exec(name.slice(0, name.length - query.length));
  const [, prefix, numberText, countText] = match ?? [];
  if (prefix === undefined) return undefined;
  const [number, count] = [Number(numberText), Number(countText)];
  if (number < 1 || number > count || count > MAXIMUM_SHARDS) return undefined;
  return { prefix, number, count, query };
}

/** Names of all shards of the model that a shard belongs to, in order; the name itself where it is none. */
export function shardNames(name: string): string[] {
  const shard = parseShardName(name);
  if (shard === undefined) return [name];
  const digits = (value: number): string => String(value).padStart(5, '0');
  return Array.from(
    { length: shard.count },
    (_, index) => `${shard.prefix}-${digits(index + 1)}-of-${digits(shard.count)}.gguf${shard.query}`,
  );
}

/**
 * Reads the headers of a model's shards, given in order, as one.
 * @throws GgufError a shard's first fault, or a fault between them (`shard/*`)
 */
export async function readShards(
  sources: readonly ByteSource[],
  options: ReadOptions = {},
): Promise<ShardedHeader> {
  const shards: ParsedHeader[] = [];
  for (const source of sources) shards.push(await readHeader(source, options));
  const names = sources.map((source) => source.name);
  const error = shardIssues(shards, names).find((issue) => issue.severity === 'error');
  if (error !== undefined) throw new GgufError(error);
  return mergeShards(shards);
}

/**
 * Joins headers that belong together. Metadata comes from the first shard, as in llama.cpp; its `split.*`
 * keys are left out, since the whole is not split.
 * @param shards at least one, in order
 */
export function mergeShards(shards: readonly ParsedHeader[]): ShardedHeader {
  const [first] = shards;
  if (first === undefined) throw new RangeError('a model has at least one shard');
  const metadata = new Map<string, MetadataValue>();
  for (const [key, value] of first.metadata) if (!key.startsWith('split.')) metadata.set(key, value);
  const tensors = shards.flatMap((header, shard) => header.tensors.map((tensor) => ({ ...tensor, shard })));
  const { version, alignment, dataOffset } = first;
  return { version, alignment, dataOffset, metadata, tensors, shards };
}

/**
 * Checks the shards of a model against each other: `split.no`, `split.count` and `split.tensors.count` with
 * their places, names and number of tensors, and that no tensor occurs twice.
 * @param names of the files, in the same order
 */
export function shardIssues(shards: readonly GgufHeader[], names: readonly string[]): StructureIssue[] {
  const issues: StructureIssue[] = [];
  const report = (code: StructureCode, message: string, place: { key?: string; tensor?: string }): void => {
    issues.push({ code, severity: severityOf(code), message, offset: 0, ...place });
  };
  const total = shards.reduce((sum, header) => sum + header.tensors.length, 0);
  const seen = new Map<string, number>();
  shards.forEach((header, index) => {
    const name = names[index] ?? `shard ${index + 1}`;
    const expectations = [
      { key: 'split.no', type: 'uint16', code: 'shard/number', expected: index },
      { key: 'split.count', type: 'uint16', code: 'shard/count', expected: shards.length },
      { key: 'split.tensors.count', type: 'int32', code: 'shard/tensor-count', expected: total },
    ] as const;
    for (const { key, type, code, expected } of expectations) {
      const value = header.metadata.get(key);
      if (value === undefined) {
        if (shards.length > 1) report('shard/key', `${name}: ${key} is absent`, { key });
      } else if (value.type !== type) {
        report('shard/key', `${name}: ${key} is of type ${value.type}, expected ${type}`, { key });
      } else if (value.value !== expected) {
        report(code, `${name}: ${key} is ${value.value}, expected ${expected}`, { key });
      }
    }
    const inName = parseShardName(name);
    if (inName === undefined) {
      if (shards.length > 1)
        report('shard/name', `${name}: expected a name like model-00001-of-00002.gguf`, {});
    } else if (inName.number !== index + 1 || inName.count !== shards.length) {
      report('shard/name', `${name}: stands at place ${index + 1} of ${shards.length}`, {});
    }
    for (const tensor of header.tensors) {
      const other = seen.get(tensor.name);
      if (other !== undefined && other !== index) {
        const message = `tensor ${quote(tensor.name)} is in ${names[other] ?? other + 1} and in ${name}`;
        report('shard/tensor-duplicate', message, { tensor: tensor.name });
      }
      seen.set(tensor.name, index);
    }
  });
  return issues;
}
