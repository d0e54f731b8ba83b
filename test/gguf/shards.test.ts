import { describe, expect, it } from 'vitest';
import {
  parseHeader,
  parseShardName,
  readShards,
  shardIssues,
  shardNames,
  type WritableValue,
  writeModelBytes,
} from '../../src/gguf/index.ts';
import { MemorySource } from '../helpers/memory-source.ts';
import { text } from './sample-model.ts';

interface ShardSpec {
  readonly no?: WritableValue;
  readonly count?: WritableValue;
  readonly total?: WritableValue;
  readonly tensors: readonly string[];
  readonly name?: string;
}

const u16 = (value: number): WritableValue => ({ type: 'uint16', value });
const i32 = (value: number): WritableValue => ({ type: 'int32', value });

function shard(index: number, spec: ShardSpec): MemorySource {
  const metadata: [string, WritableValue][] = index === 0 ? [['general.architecture', text('llama')]] : [];
  metadata.push(
    ['split.no', spec.no ?? u16(index)],
    ['split.count', spec.count ?? u16(2)],
    ['split.tensors.count', spec.total ?? i32(3)],
  );
  const tensors = spec.tensors.map((name) => ({ name, type: 'F32' as const, shape: [8] }));
  return new MemorySource(
    writeModelBytes({ metadata, tensors }),
    spec.name ?? `m-0000${index + 1}-of-00002.gguf`,
  );
}

const good = [shard(0, { tensors: ['a', 'b'] }), shard(1, { tensors: ['c'] })];

describe('a sharded model', () => {
  it('is read as one, and each tensor knows its shard', async () => {
    const header = await readShards(good);
    expect(header.tensors.map(({ name, shard: index, offset }) => [name, index, offset])).toEqual([
      ['a', 0, 0],
      ['b', 0, 32],
      ['c', 1, 0],
    ]);
    expect([...header.metadata.keys()]).toEqual(['general.architecture']);
    expect(header.shards).toHaveLength(2);
  });

  it.each<[what: string, code: string, second: ShardSpec]>([
    ['a wrong place', 'shard/number', { tensors: ['c'], no: u16(0) }],
    ['a wrong count', 'shard/count', { tensors: ['c'], count: u16(3) }],
    ['a wrong number of tensors', 'shard/tensor-count', { tensors: ['c'], total: i32(4) }],
    ['a key of the wrong type', 'shard/key', { tensors: ['c'], no: i32(1) }],
    ['a tensor of another shard', 'shard/tensor-duplicate', { tensors: ['a'] }],
    ['a name that says something else', 'shard/name', { tensors: ['c'], name: 'm-00001-of-00002.gguf' }],
  ])('with %s is refused', async (_, code, second) => {
    const [first] = good;
    if (first === undefined) throw new Error('no shard');
    await expect(readShards([first, shard(1, second)])).rejects.toMatchObject({ code });
  });

  it('of which the keys are absent is refused', () => {
    const plain = parseHeader(writeModelBytes({ metadata: [], tensors: [] }));
    const issues = shardIssues([plain, plain], ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf']);
    expect(issues.map(({ code, key }) => [code, key])).toContainEqual(['shard/key', 'split.no']);
  });

  it('has nothing to check where a file stands alone and says nothing of shards', () => {
    const plain = parseHeader(writeModelBytes({ metadata: [], tensors: [] }));
    expect(shardIssues([plain], ['model.gguf'])).toEqual([]);
  });
});

describe('names of shards', () => {
  it('are found from any one of them', () => {
    expect(shardNames('/x/m-Q4_K_M-00002-of-00003.gguf')).toEqual([
      '/x/m-Q4_K_M-00001-of-00003.gguf',
      '/x/m-Q4_K_M-00002-of-00003.gguf',
      '/x/m-Q4_K_M-00003-of-00003.gguf',
    ]);
    expect(shardNames('model.gguf')).toEqual(['model.gguf']);
  });

  it.each([
    'm-00000-of-00002.gguf',
    'm-00003-of-00002.gguf',
    'm-1-of-2.gguf',
    'm-00001-of-99999.gguf',
    'm.gguf',
  ])('%s is none', (name) => {
    expect(parseShardName(name)).toBeUndefined();
  });
});
