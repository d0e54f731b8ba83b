import { chatTemplate, modelFacts } from '../../gguf/facts.ts';
import { fileIdentity } from '../../gguf/file-identity.ts';
import type { ArrayView, GgufHeader, MetadataValue, ParsedHeader, Scalar } from '../../gguf/header.ts';
import { getArray, getString } from '../../gguf/metadata.ts';
import { quantizationOf } from '../../gguf/quantization.ts';
import type { ShardedHeader } from '../../gguf/shards.ts';
import { placeOfTensor } from '../../gguf/tensor-names.ts';
import { bitsPerWeightOf } from '../../gguf/tensor-types.ts';
import { shownRef } from '../../model/ref.ts';
import type { InspectedEntry, InspectedToken, Inspection } from '../../schema/inspection.ts';
import { UsageError } from '../../util/errors.ts';
import { formatCount } from '../../util/units.ts';
import { inspectMemory } from './memory.ts';
import { inspectModel } from './model.ts';

/** One file's header, or those of a model's shards as one. */
export type ModelHeader = ParsedHeader | ShardedHeader;

export interface InspectedModel {
  readonly ref: string;
  readonly header: ModelHeader;
  /** Of the files, in order. */
  readonly names: readonly string[];
  readonly source: Inspection['source'];
  readonly toolVersion: string;
  /** Context sizes that were asked for; the model's own and common ones where none were. */
  readonly contexts: readonly number[];
  /** The key whose array is wanted whole. */
  readonly wholeKey?: string;
}

/** What `inspect --json` prints and the page is made of, from a header. */
export function inspectionOf({
  ref,
  header,
  names,
  source,
  toolVersion,
  contexts,
  wholeKey,
}: InspectedModel): Inspection {
  const shards = 'shards' in header ? header.shards : [];
  const files = 'shards' in header ? header.shards : [header];
  const [first] = files;
  if (first === undefined) throw new RangeError('a model has at least one file');
  return {
    schema: 'quantscope/inspection@1',
    tool: { version: toolVersion },
    ref: shownRef(ref),
    bytes: files.reduce((sum, { fileBytes }) => sum + fileBytes, 0),
    source,
    header: {
      version: first.version,
      metadataCount: first.metadata.size,
      tensorCount: first.tensors.length,
      alignment: first.alignment,
      dataOffset: first.dataOffset,
    },
    sections: inspectSections(first),
    shards: shards.map((shard, index) => ({
      name: names[index] ?? '',
      bytes: shard.fileBytes,
      tensorCount: shard.tensors.length,
      dataOffset: shard.dataOffset,
      sections: inspectSections(shard),
    })),
    issues: files.flatMap(({ issues }, index) =>
      issues.map(({ code, severity, message, offset }) => {
        const place = files.length > 1 ? `${names[index]}: ` : '';
        return { code, severity, message: place + message, offset };
      }),
    ),
    identity: fileIdentity(header),
    model: inspectModel(header),
    metadata: [...header.metadata].map(([key, value]) => inspectEntry(key, value, key === wholeKey)),
    tensors: header.tensors.map((tensor) => {
      const { name, type, shape, offset, sizeBytes } = tensor;
      const facts = { name, type, shape: [...shape], offset, bytes: sizeBytes };
      return 'shard' in tensor ? { ...facts, shard: tensor.shard + 1 } : facts;
    }),
    quantization: inspectQuantization(header, names[0] ?? ref),
    memory: inspectMemory(header, contexts),
  };
}

function inspectSections({ sections }: ParsedHeader): Inspection['sections'] {
  return {
    fixed: { ...sections.fixed },
    metadata: { ...sections.metadata },
    tensorInfos: { ...sections.tensorInfos },
    data: { ...sections.data },
  };
}

/** Elements of an array that stand for it where it is not printed whole. */
const PREVIEW_ELEMENTS = 8;
/** Twice the merges of the largest real vocabulary: what is given whole is held whole. */
const MOST_ELEMENTS = 2 ** 20;

/** @throws UsageError `inspect/too-many` */
function requireHoldable(what: string, length: number): void {
  if (length <= MOST_ELEMENTS) return;
  const message = `${what}: ${formatCount(length)} elements, at most ${formatCount(MOST_ELEMENTS)} are given whole`;
  throw new UsageError('inspect/too-many', message, {
    hint: 'Without --json, --vocab lists tokens of any number, and --key the first thousand elements.',
  });
}

function inspectEntry(key: string, value: MetadataValue, whole: boolean): InspectedEntry {
  if (value.type !== 'array') return { key, type: value.type, value: jsonScalar(value.value) };
  const { elementType, length } = value.value;
  const preview = value.value.slice(0, PREVIEW_ELEMENTS).map(jsonScalar);
  if (whole) requireHoldable(`key ${JSON.stringify(key)}`, length);
  const entry = { key, type: 'array', elementType, length, preview } as const;
  return whole ? { ...entry, value: value.value.toArray().map(jsonScalar) } : entry;
}

/** JSON has no NaN, no infinities and, in most readers, no integers beyond 2^53: they become strings. */
export function jsonScalar(value: Scalar): string | number | boolean {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function inspectQuantization(header: GgufHeader, fileName: string): Inspection['quantization'] {
  const quantization = quantizationOf(header, fileName);
  const { label, source, agrees, reason } = quantization.label;
  const places = new Map<string, { inLayers: boolean; vectors: boolean }>();
  for (const { name, shape } of header.tensors) {
    const { layer, role } = placeOfTensor(name);
    const known = places.get(role);
    places.set(role, {
      inLayers: (known?.inLayers ?? false) || layer !== undefined,
      vectors: (known?.vectors ?? true) && shape.length < 2,
    });
  }
  const share = ({ type, tensors, bytes, elements }: (typeof quantization.byType)[number]) => ({
    type,
    tensors,
    bytes,
    parameters: elements,
  });
  return {
    label,
    labelSource: source,
    labelAgrees: agrees,
    labelReason: reason ?? null,
    bitsPerWeight: quantization.bitsPerWeight,
    tensorBytes: quantization.tensorBytes,
    byType: quantization.byType.map((each) => ({
      ...share(each),
      bitsPerWeight: bitsPerWeightOf(each.type),
    })),
    byRole: quantization.byRole.map(({ role, tensors, bytes, elements, bitsPerWeight, byType }) => ({
      role,
      ...(places.get(role) ?? { inLayers: false, vectors: false }),
      tensors,
      bytes,
      parameters: elements,
      bitsPerWeight,
      byType: byType.map(share),
    })),
    layers: quantization.layers.map(({ layer, bytes, bitsPerWeight, types }) => ({
      layer,
      bytes,
      bitsPerWeight,
      types: [...types].map(([role, type]) => ({ role, type })),
    })),
  };
}

/** `enum llama_token_type` of llama.h. */
const TOKEN_TYPES = ['undefined', 'normal', 'unknown', 'control', 'user defined', 'unused', 'byte'];

/** The tokens of a file, decoded one by one as they are asked for. */
export function* vocabularyOf(header: GgufHeader): Generator<InspectedToken> {
  const tokens = getArray(header, 'tokenizer.ggml.tokens');
  if (tokens === undefined) return;
  const scores = getArray(header, 'tokenizer.ggml.scores');
  const types = getArray(header, 'tokenizer.ggml.token_type');
  let id = 0;
  for (const token of tokens) {
    const score = elementOf(scores, id);
    const type = elementOf(types, id);
    yield {
      id,
      token: String(token),
      score: typeof score === 'number' && Number.isFinite(score) ? score : null,
      type: type === undefined ? null : (TOKEN_TYPES[Number(type)] ?? String(type)),
    };
    id++;
  }
}

function elementOf(array: ArrayView | undefined, index: number): Scalar | undefined {
  return array !== undefined && index < array.length ? array.at(index) : undefined;
}

/**
 * {@link vocabularyOf}, as a list.
 * @throws UsageError `inspect/too-many`
 */
export function wholeVocabulary(header: GgufHeader): InspectedToken[] {
  requireHoldable('the vocabulary', vocabularySizeOf(header));
  return [...vocabularyOf(header)];
}

/** How many tokens {@link vocabularyOf} yields. */
export function vocabularySizeOf(header: GgufHeader): number {
  return getArray(header, 'tokenizer.ggml.tokens')?.length ?? 0;
}

/** Every chat template of a file, the unnamed one first. */
export function templatesOf(header: GgufHeader): { readonly name: string; readonly text: string }[] {
  const { chatTemplateNames } = modelFacts(header);
  const unnamed = getString(header, 'tokenizer.chat_template');
  return [
    ...(unnamed === undefined ? [] : [{ name: '', text: unnamed }]),
    ...chatTemplateNames.map((name) => ({ name, text: chatTemplate(header, name) ?? '' })),
  ];
}
