import { readFileSync } from 'node:fs';
import { gguf } from '@huggingface/gguf';
import { ggufMetadata } from 'hyllama';
import { readGgufFileInfo } from 'node-llama-cpp';
import type { GgufHeader } from '../src/gguf/header.ts';

/** What two readers must agree on: values by key, tensors with their type ids and offsets. */
export interface Reading {
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: readonly { name: string; shape: number[]; offset: number }[];
}

/** A header in the shape that readings are compared in: 64-bit integers as numbers, arrays as arrays. */
export function readingOf(header: GgufHeader): Reading {
  const metadata = new Map<string, unknown>();
  for (const [key, { type, value }] of header.metadata) {
    metadata.set(key, plain(type === 'array' ? value.toArray() : value));
  }
  const tensors = header.tensors.map(({ name, shape, offset }) => ({ name, shape: [...shape], offset }));
  return { metadata, tensors };
}

/** hyllama reads texts as Latin-1: their bytes are taken back and read as UTF-8. */
export function hyllamaReading(path: string): Reading {
  const file = readFileSync(path);
  const { metadata, tensorInfos } = ggufMetadata(
    file.buffer.slice(file.byteOffset, file.byteOffset + file.length),
  );
  const entries = Object.entries(metadata).filter(([key]) => key !== 'version' && key !== 'tensorCount');
  const values = new Map(entries.map(([key, value]) => [key, plain(value, utf8OfLatin1)]));
  const tensors = tensorInfos.map(({ name, shape, offset }) => ({
    name,
    shape: shape.map(Number),
    offset: Number(offset),
  }));
  return { metadata: values, tensors };
}

/** A reading as @huggingface/gguf gives it: its TextDecoder drops a byte order mark, which is a token of some. */
export function withoutByteOrderMarks({ metadata, tensors }: Reading): Reading {
  const strip = (text: string): string => text.replace(/^\ufeff/, '');
  return { metadata: new Map([...metadata].map(([key, value]) => [key, plain(value, strip)])), tensors };
}

export async function huggingFaceReading(path: string): Promise<Reading> {
  const { metadata, tensorInfos } = await gguf(path, { allowLocalFile: true });
  const own = new Set(['version', 'tensor_count', 'kv_count']);
  const entries = Object.entries(metadata).filter(([key]) => !own.has(key));
  const tensors = tensorInfos.map(({ name, shape, offset }) => ({
    name,
    shape: shape.map(Number),
    offset: Number(offset),
  }));
  return { metadata: new Map(entries.map(([key, value]) => [key, plain(value)])), tensors };
}

/** node-llama-cpp nests keys by their dots; they are joined again. Leaves of objects are values and arrays. */
export async function nodeLlamaCppReading(path: string): Promise<Reading> {
  const { metadata, fullTensorInfo } = await readGgufFileInfo(path, { logWarnings: false });
  const values = new Map<string, unknown>();
  const collect = (prefix: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value))
        collect(prefix === '' ? key : `${prefix}.${key}`, inner);
    } else {
      values.set(prefix, plain(value));
    }
  };
  collect('', metadata);
  const tensors = (fullTensorInfo ?? []).map(({ name, dimensions, offset }) => ({
    name,
    shape: dimensions.map(Number),
    offset: Number(offset),
  }));
  return { metadata: values, tensors };
}

/** Keys whose values differ. By JSON: a deep comparison of a million strings takes minutes. */
export function differingKeys(one: Reading, other: Reading): string[] {
  const keys = new Set([...one.metadata.keys(), ...other.metadata.keys()]);
  return [...keys].filter(
    (key) => JSON.stringify(one.metadata.get(key)) !== JSON.stringify(other.metadata.get(key)),
  );
}

function plain(value: unknown, textOf: (text: string) => string = (text) => text): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string') return textOf(value);
  return Array.isArray(value) ? value.map((element) => plain(element, textOf)) : value;
}

function utf8OfLatin1(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
