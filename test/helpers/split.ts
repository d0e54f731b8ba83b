import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type MetadataValue,
  parseHeader,
  type WritableValue,
  writeModelBytes,
} from '../../src/gguf/index.ts';

/** A model's bytes as llama-gguf-split would store them in `count` files: metadata in the first, tensors in all. */
function splitModel(bytes: Uint8Array, count: number): Uint8Array[] {
  const header = parseHeader(bytes);
  const perShard = Math.ceil(header.tensors.length / count);
  return Array.from({ length: count }, (_, index) => {
    const own: [string, WritableValue][] =
      index === 0 ? [...header.metadata].map(([key, value]) => [key, writable(value)]) : [];
    const tensors = header.tensors.slice(index * perShard, (index + 1) * perShard);
    return writeModelBytes({
      metadata: [
        ...own,
        ['split.no', { type: 'uint16', value: index }],
        ['split.count', { type: 'uint16', value: count }],
        ['split.tensors.count', { type: 'int32', value: header.tensors.length }],
      ],
      tensors: tensors.map(({ name, type, shape, offset, sizeBytes }) => {
        const start = header.dataOffset + offset;
        return { name, type, shape, data: bytes.subarray(start, start + sizeBytes) };
      }),
    });
  });
}

/** The shards' names and contents. */
export function shardFiles(bytes: Uint8Array, count: number, prefix: string): Map<string, Uint8Array> {
  const digits = (value: number): string => String(value).padStart(5, '0');
  return new Map(
    splitModel(bytes, count).map((shard, index) => [
      `${prefix}-${digits(index + 1)}-of-${digits(count)}.gguf`,
      shard,
    ]),
  );
}

/** Writes them into a folder and returns their paths. */
export async function writeShards(
  folder: string,
  bytes: Uint8Array,
  count: number,
  prefix: string,
): Promise<string[]> {
  const paths: string[] = [];
  for (const [name, content] of shardFiles(bytes, count, prefix)) {
    paths.push(join(folder, name));
    await writeFile(join(folder, name), content);
  }
  return paths;
}

function writable(value: MetadataValue): WritableValue {
  if (value.type !== 'array') return value;
  return { type: 'array', elementType: value.value.elementType, values: value.value };
}
