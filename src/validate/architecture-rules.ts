import type { MetadataValue } from '../gguf/index.ts';
import type { ArchitectureKey } from '../schema/llama-cpp.ts';
import {
  experts,
  headCounts,
  isCovered,
  numbersOf,
  ofKey,
  positiveFinite,
  ropeDimensions,
} from './architecture-checks.ts';
import { numberOf } from './architecture-dimensions.ts';
import { COVERED_ARCHITECTURES } from './architecture-layouts.ts';
import { atKey, quoted, wrongType } from './finding.ts';
import {
  ARCHITECTURE_KEYS,
  ARCHITECTURES,
  MAXIMUM_LAYERS,
  OTHER_KEY_TYPES,
  ROPE_SCALING_TYPES,
} from './llama-cpp.ts';
import type { Checks } from './rule.ts';

/** The group architecture: what a model says of itself. The tensors that follow from it: architecture-tensor-rules.ts. */
export const ARCHITECTURE_KEY_RULES: Checks = {
  *'architecture/none'({ header, kind, architecture, identity }) {
    if (header === null || kind !== 'other' || identity.kind === 'ollama') return;
    const named =
      architecture === undefined ? 'no general.architecture' : `general.architecture ${quoted(architecture)}`;
    yield { message: `${named}, and neither layers nor a vocabulary: not a model` };
  },
  *'architecture/missing'({ header, kind, scan }) {
    if (header === null || (kind !== 'model' && kind !== 'vocabulary')) return;
    if (scan.metadata.has('general.architecture')) return;
    yield { message: 'the file holds a model and no general.architecture', key: 'general.architecture' };
  },
  *'architecture/type'(file) {
    const value = file.header?.metadata.get('general.architecture');
    if (value === undefined || value.type === 'string') return;
    yield wrongType(file, 'general.architecture', value, 'string');
  },
  *'architecture/unknown'(file) {
    const { header, architecture } = file;
    if (header === null || architecture === undefined || ARCHITECTURES.has(architecture)) return;
    // What it is instead is said by a rule of its own.
    if (file.kind === 'companion' || file.identity.kind === 'ollama') return;
    yield atKey(
      file,
      'general.architecture',
      `architecture ${quoted(architecture)} is not known to llama.cpp v0.5.0`,
    );
  },
  *'architecture/not-covered'({ header, architecture, kind }) {
    if (header === null || kind !== 'model' || architecture === undefined) return;
    if (!ARCHITECTURES.has(architecture) || COVERED_ARCHITECTURES.includes(architecture)) return;
    yield {
      message: `the tensors that ${quoted(architecture)} needs are not known here`,
      hint: 'Add --load.',
    };
  },
  *'architecture/key-missing'(file) {
    if (!isCovered(file)) return;
    for (const { suffix, required } of ARCHITECTURE_KEYS) {
      if (!required || file.value(suffix) !== undefined) continue;
      const key = `${file.architecture}.${suffix}`;
      yield { message: `the key ${key} is absent`, key };
    }
  },
  *'architecture/key-type'(file) {
    if (file.header === null) return;
    for (const [key, type] of Object.entries(OTHER_KEY_TYPES)) {
      const value = file.header.metadata.get(key);
      if (value !== undefined && value.type !== type) yield wrongType(file, key, value, type);
    }
    if (!isCovered(file)) return;
    for (const spec of ARCHITECTURE_KEYS) {
      const value = file.value(spec.suffix);
      if (value === undefined || hasRightType(value, spec)) continue;
      yield wrongType(file, `${file.architecture}.${spec.suffix}`, value, spec.type);
    }
  },
  *'architecture/key-length'(file) {
    const layers = numberOf(file.value('block_count'));
    if (!isCovered(file) || layers === undefined) return;
    for (const { suffix, perLayer } of ARCHITECTURE_KEYS) {
      const value = file.value(suffix);
      if (perLayer !== true || value?.type !== 'array' || value.value.length === layers) continue;
      yield ofKey(file, suffix, `${value.value.length} values, expected one for each of ${layers} layers`);
    }
  },
  *'architecture/layer-count'(file) {
    const layers = numberOf(file.value('block_count'));
    if (!isCovered(file) || layers === undefined || (layers >= 1 && layers <= MAXIMUM_LAYERS)) return;
    yield ofKey(file, 'block_count', `${layers} layers, expected 1 to ${MAXIMUM_LAYERS}`);
  },
  *'architecture/context-length'(file) {
    if (!isCovered(file) || numberOf(file.value('context_length')) !== 0) return;
    yield ofKey(file, 'context_length', 'a context of 0 tokens');
  },
  *'architecture/length'(file) {
    if (!isCovered(file)) return;
    const lengths = [
      'embedding_length',
      'feed_forward_length',
      'attention.key_length',
      'attention.value_length',
    ];
    for (const suffix of lengths) {
      if (numbersOf(file.value(suffix)).some((length) => length < 1)) {
        yield ofKey(file, suffix, 'a length below 1');
      }
    }
  },
  'architecture/head-count': headCounts,
  *'architecture/rms-epsilon'(file) {
    yield* positiveFinite(file, ['attention.layer_norm_rms_epsilon']);
  },
  *'architecture/rope-base'(file) {
    yield* positiveFinite(file, ['rope.freq_base', 'rope.freq_base_swa']);
  },
  'architecture/rope-dimensions': ropeDimensions,
  *'architecture/rope-scaling-type'(file) {
    const value = file.value('rope.scaling.type');
    if (!isCovered(file) || value?.type !== 'string' || ROPE_SCALING_TYPES.has(value.value)) return;
    yield ofKey(
      file,
      'rope.scaling.type',
      `${quoted(value.value)} is not one of ${[...ROPE_SCALING_TYPES].join(', ')}`,
    );
  },
  *'architecture/rope-scaling-factor'(file) {
    if (!isCovered(file)) return;
    for (const suffix of ['rope.scaling.factor', 'rope.scale_linear', 'rope.scaling.attn_factor']) {
      const factor = numberOf(file.value(suffix));
      if (factor === undefined || (Number.isFinite(factor) && factor >= 0)) continue;
      yield ofKey(file, suffix, `${factor}, expected a finite factor that is not negative`);
    }
  },
  'architecture/experts': experts,
  *'architecture/vocabulary-size'(file) {
    const stated = numberOf(file.value('vocab_size'));
    const tokens = file.header?.metadata.get('tokenizer.ggml.tokens');
    if (!isCovered(file) || stated === undefined || tokens?.type !== 'array') return;
    if (stated === tokens.value.length) return;
    yield ofKey(file, 'vocab_size', `${stated}, but the vocabulary has ${tokens.value.length} tokens`);
  },
};

/** Whether a value is written as its key demands; an array of layers holds 32-bit integers of either sign. */
function hasRightType(value: MetadataValue, { type, perLayer }: ArchitectureKey): boolean {
  if (value.type !== 'array') return value.type === type;
  return perLayer === true && ['uint32', 'int32'].includes(value.value.elementType);
}
