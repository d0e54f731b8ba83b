import type { MetadataValue } from '../gguf/index.ts';
import { numberOf } from './architecture-dimensions.ts';
import { COVERED_ARCHITECTURES } from './architecture-layouts.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { atKey, type Finding } from './finding.ts';
import { MAXIMUM_EXPERTS, MAXIMUM_LAYERS } from './llama-cpp.ts';

/** Whether the exact rules of an architecture apply: a whole model of a covered one. */
export function isCovered(file: FileUnderTest): boolean {
  const { header, kind, architecture } = file;
  if (header === null || kind !== 'model' || architecture === undefined) return false;
  return COVERED_ARCHITECTURES.includes(architecture);
}

/** Heads and key-value heads, one by one and against each other. */
export function* headCounts(file: FileUnderTest): Iterable<Finding> {
  if (!isCovered(file)) return;
  const heads = numbersOf(file.value('attention.head_count'));
  const kvHeads = numbersOf(file.value('attention.head_count_kv'));
  const lowest = (counts: readonly number[]): number => counts.reduce((a, b) => Math.min(a, b), Infinity);
  if (lowest(heads) < 1) yield ofKey(file, 'attention.head_count', '0 heads, expected at least 1');
  else if (lowest(kvHeads) < 1) yield ofKey(file, 'attention.head_count_kv', '0 heads, expected at least 1');
  else {
    for (const [layer, count] of heads.entries()) {
      const kv = kvHeads[kvHeads.length > 1 ? layer : 0];
      if (kv === undefined || count % kv === 0) continue;
      yield ofKey(file, 'attention.head_count_kv', `${kv} key-value heads do not divide ${count} heads`);
      break;
    }
    const embedding = numberOf(file.value('embedding_length'));
    const first = heads[0];
    if (embedding === undefined || first === undefined || file.value('attention.key_length') !== undefined)
      return;
    if (embedding % first === 0) return;
    yield ofKey(
      file,
      'attention.head_count',
      `${first} heads do not divide the embedding length ${embedding}`,
    );
  }
}

/** How many dimensions of a head are turned. */
export function* ropeDimensions(file: FileUnderTest): Iterable<Finding> {
  const stated = numberOf(file.value('rope.dimension_count'));
  if (!isCovered(file) || stated === undefined) return;
  const heads = numberOf(file.value('attention.head_count'));
  const embedding = numberOf(file.value('embedding_length'));
  const headLength =
    numberOf(file.value('attention.key_length')) ??
    (heads && embedding !== undefined && embedding % heads === 0 ? embedding / heads : undefined);
  if (stated % 2 !== 0) yield ofKey(file, 'rope.dimension_count', `${stated}, expected an even number`);
  else if (headLength === undefined || headLength < 1) return;
  else if (file.architecture === 'llama' && stated !== headLength) {
    yield ofKey(file, 'rope.dimension_count', `${stated}, expected the head length ${headLength}`);
  } else if (stated > headLength) {
    yield ofKey(file, 'rope.dimension_count', `${stated}, more than the head length ${headLength}`);
  }
}

/** Expert counts against each other. */
export function* experts(file: FileUnderTest): Iterable<Finding> {
  if (!isCovered(file)) return;
  const count = numberOf(file.value('expert_count')) ?? 0;
  const used = numbersOf(file.value('expert_used_count')).reduce((a, b) => Math.max(a, b), 0);
  if (count > MAXIMUM_EXPERTS)
    yield ofKey(file, 'expert_count', `${count} experts, at most ${MAXIMUM_EXPERTS}`);
  else if (used > count) yield ofKey(file, 'expert_used_count', `${used} experts used of ${count}`);
  else if (count > 0 && used === 0) yield ofKey(file, 'expert_count', `${count} experts, none of them used`);
}

/** Numbers that must be finite and above 0. */
export function* positiveFinite(file: FileUnderTest, suffixes: readonly string[]): Iterable<Finding> {
  if (!isCovered(file)) return;
  for (const suffix of suffixes) {
    const number = numberOf(file.value(suffix));
    if (number === undefined || (Number.isFinite(number) && number > 0)) continue;
    yield ofKey(file, suffix, `${number}, expected a finite positive number`);
  }
}

/** Every number of a value: one, or one for each layer (at most as many as llama.cpp has room for). */
export function numbersOf(value: MetadataValue | undefined): number[] {
  if (value === undefined) return [];
  const elements = value.type === 'array' ? value.value.slice(0, MAXIMUM_LAYERS) : [value.value];
  return elements.map(Number).filter((number) => !Number.isNaN(number));
}

/** A finding about one of the architecture's own keys. */
export function ofKey(file: FileUnderTest, suffix: string, message: string): Finding {
  const key = `${file.architecture}.${suffix}`;
  return atKey(file, key, `${key}: ${message}`);
}
