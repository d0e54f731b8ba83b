import {
  experts,
  headCounts,
  isCovered,
  numbersOf,
  ofKey,
  positiveFinite,
  ropeDimensions,
  wrongType,
} from './architecture-checks.ts';
import { numberOf } from './architecture-dimensions.ts';
import { describeType, GENERAL_KEY_TYPES, hasRightType, KEY_SPECS } from './architecture-keys.ts';
import { COVERED_ARCHITECTURES } from './architecture-layouts.ts';
import { atKey } from './at-key.ts';
import { CONTROL_VECTOR } from './file-under-test.ts';
import { ARCHITECTURES, MAXIMUM_LAYERS, ROPE_SCALING_TYPES } from './llama-cpp.ts';
import { quoted } from './quoted.ts';
import type { Rule, RuleTable } from './rule.ts';

const HPARAMS = (lines: string): string => `llama.cpp v0.5.0, src/llama-model.cpp:${lines} (load_hparams).`;
const CONVERT =
  'Convert the model again with a current convert_hf_to_gguf.py; one wrong value can be set with gguf_set_metadata.py.';

/** The group architecture: what a model says of itself. The tensors that follow from it: architecture-tensor-rules.ts. */
export const ARCHITECTURE_KEY_RULES: RuleTable = {
  'architecture/none': {
    severity: 'warning',
    reason: 'A GGUF file holds a model: an architecture, and layers or a vocabulary.',
    why: 'It is a container of something else; llama.cpp does not load it as a model.',
    checkedBy: 'llama.cpp v0.5.0, src/llama-model-loader.cpp (get_arch_name).',
    fix: 'Nothing, where it is not meant to be a model.',
    *check({ header, kind, architecture }) {
      if (header === null || kind !== 'other') return;
      const named =
        architecture === undefined
          ? 'no general.architecture'
          : `general.architecture ${quoted(architecture)}`;
      yield { message: `${named}, and neither layers nor a vocabulary: not a model` };
    },
  },
  'architecture/missing': {
    severity: 'error',
    reason: 'A model names its architecture in general.architecture.',
    why: 'Without it no loader knows which tensors to expect.',
    checkedBy: 'llama.cpp v0.5.0, src/llama-model-loader.cpp (get_arch_name): the load fails.',
    fix: CONVERT,
    *check({ header, kind, scan }) {
      if (header === null || (kind !== 'model' && kind !== 'vocabulary')) return;
      if (scan.metadata.has('general.architecture')) return;
      yield { message: 'the file holds a model and no general.architecture', key: 'general.architecture' };
    },
  },
  'architecture/type': {
    severity: 'error',
    reason: 'general.architecture is a string.',
    why: 'A loader that asks for a string ends the load at any other type.',
    checkedBy: 'llama.cpp v0.5.0, src/llama-model-loader.cpp (GGUFMeta::GKV): the load fails.',
    fix: CONVERT,
    *check(file) {
      const value = file.header?.metadata.get('general.architecture');
      if (value === undefined || value.type === 'string') return;
      yield atKey(
        file,
        'general.architecture',
        `general.architecture is of type ${describeType(value)}, expected string`,
      );
    },
  },
  'architecture/unknown': {
    severity: 'error',
    reason: 'The architecture is one that llama.cpp v0.5.0 knows.',
    why: 'An architecture that llama.cpp does not know is not loaded.',
    checkedBy: 'llama.cpp v0.5.0, src/llama-model.cpp (llm_arch_from_string): the load fails.',
    fix: 'Check the spelling; a model newer than the engine needs a newer engine.',
    *check(file) {
      const { header, architecture } = file;
      if (header === null || architecture === undefined || ARCHITECTURES.has(architecture)) return;
      if (architecture === CONTROL_VECTOR) return;
      yield atKey(
        file,
        'general.architecture',
        `architecture ${quoted(architecture)} is not known to llama.cpp v0.5.0`,
      );
    },
  },
  'architecture/not-covered': {
    severity: 'note',
    reason: `Exact rules exist for ${COVERED_ARCHITECTURES.join(', ')}.`,
    why: 'Of other architectures the structure, content and vocabulary are checked, not the set of tensors.',
    checkedBy: 'llama.cpp checks the tensors when it loads the file: `--load` does that in a child process.',
    fix: 'Add --load.',
    *check({ header, architecture, kind }) {
      if (header === null || kind !== 'model' || architecture === undefined) return;
      if (!ARCHITECTURES.has(architecture) || COVERED_ARCHITECTURES.includes(architecture)) return;
      yield {
        message: `the tensors that ${quoted(architecture)} needs are not known here`,
        hint: 'Add --load.',
      };
    },
  },
  'architecture/key-missing': {
    severity: 'error',
    reason: 'The keys that an architecture needs are there.',
    why: 'llama.cpp ends the load at the first that is absent, or computes shapes from zeros.',
    checkedBy: HPARAMS('1254-1336'),
    fix: CONVERT,
    *check(file) {
      if (!isCovered(file)) return;
      for (const { suffix, required } of KEY_SPECS) {
        if (!required || file.value(suffix) !== undefined) continue;
        const key = `${file.architecture}.${suffix}`;
        yield { message: `the key ${key} is absent`, key };
      }
    },
  },
  'architecture/key-type': {
    severity: 'error',
    reason: 'The keys that llama.cpp reads are of the type it asks for.',
    why: 'It converts nothing: a float64 where a float32 is expected ends the load.',
    checkedBy: 'llama.cpp v0.5.0, src/llama-model-loader.cpp (GGUFMeta::GKV).',
    fix: CONVERT,
    *check(file) {
      if (file.header === null) return;
      for (const [key, type] of GENERAL_KEY_TYPES) {
        const value = file.header.metadata.get(key);
        if (value !== undefined && value.type !== type) yield wrongType(file, key, value, type);
      }
      if (!isCovered(file)) return;
      for (const spec of KEY_SPECS) {
        const value = file.value(spec.suffix);
        if (value === undefined || hasRightType(value, spec)) continue;
        yield wrongType(file, `${file.architecture}.${spec.suffix}`, value, spec.type);
      }
    },
  },
  'architecture/key-length': {
    severity: 'error',
    reason: 'An array of values by layer has one for each layer.',
    why: 'llama.cpp ends the load at any other length.',
    checkedBy: 'llama.cpp v0.5.0, src/llama-model-loader.cpp:477 (get_key_or_arr).',
    fix: CONVERT,
    *check(file) {
      const layers = numberOf(file.value('block_count'));
      if (!isCovered(file) || layers === undefined) return;
      for (const { suffix, perLayer } of KEY_SPECS) {
        const value = file.value(suffix);
        if (perLayer !== true || value?.type !== 'array' || value.value.length === layers) continue;
        yield ofKey(file, suffix, `${value.value.length} values, expected one for each of ${layers} layers`);
      }
    },
  },
  'architecture/layer-count': {
    severity: 'error',
    reason: `A model has 1 to ${MAXIMUM_LAYERS} layers.`,
    why: 'Any other count ends the process that loads it: GGML_ASSERT aborts.',
    checkedBy: HPARAMS('1260, an assertion that kills the process'),
    fix: CONVERT,
    *check(file) {
      const layers = numberOf(file.value('block_count'));
      if (!isCovered(file) || layers === undefined || (layers >= 1 && layers <= MAXIMUM_LAYERS)) return;
      yield ofKey(file, 'block_count', `${layers} layers, expected 1 to ${MAXIMUM_LAYERS}`);
    },
  },
  'architecture/context-length': {
    severity: 'warning',
    reason: 'The context the model was trained with is at least one token.',
    why: 'Programs that take their context size from it (llama.rn does by default) open one of no use.',
    checkedBy: 'Nobody: llama.cpp loads it.',
    fix: CONVERT,
    *check(file) {
      if (!isCovered(file) || numberOf(file.value('context_length')) !== 0) return;
      yield ofKey(file, 'context_length', 'a context of 0 tokens');
    },
  },
  'architecture/length': {
    severity: 'error',
    reason: 'Embedding, feed-forward, key and value lengths are at least 1.',
    why: 'Every shape follows from them.',
    checkedBy: 'llama.cpp, at the first tensor whose shape does not fit.',
    fix: CONVERT,
    *check(file) {
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
  },
  'architecture/head-count': {
    severity: 'error',
    reason: 'Head counts are at least 1, key-value heads divide them, and they divide the embedding.',
    why: 'llama.cpp divides by them, and a query head without a key head of its own ends the process in the graph.',
    checkedBy: 'llama.cpp, partly: at the shapes that follow, or by an abort when the graph is built.',
    fix: CONVERT,
    check: headCounts,
  },
  'architecture/rms-epsilon': {
    severity: 'error',
    reason: 'The epsilon of the norms is finite and positive.',
    why: 'A negative one aborts (ggml_rms_norm), NaN makes every output NaN, 0 divides by zero at a zero row.',
    checkedBy: 'ggml, only that it is not negative, by an assertion.',
    fix: CONVERT,
    *check(file) {
      yield* positiveFinite(file, ['attention.layer_norm_rms_epsilon']);
    },
  },
  'architecture/rope-base': {
    severity: 'error',
    reason: 'The base of the rotary positions is finite and positive.',
    why: 'Its powers turn every query: NaN, infinity or a negative base make every output NaN.',
    checkedBy: 'Nobody: llama.cpp loads it and computes nonsense.',
    fix: CONVERT,
    *check(file) {
      yield* positiveFinite(file, ['rope.freq_base', 'rope.freq_base_swa']);
    },
  },
  'architecture/rope-dimensions': {
    severity: 'error',
    reason: 'Rotary positions turn an even number of dimensions, at most a head’s; for llama all of them.',
    why: 'ggml asserts the bounds while it computes, llama.cpp refuses a llama model where they differ.',
    checkedBy: HPARAMS('1382-1386, for llama'),
    fix: CONVERT,
    check: ropeDimensions,
  },
  'architecture/rope-scaling-type': {
    severity: 'error',
    reason: 'rope.scaling.type is none, linear, yarn or longrope.',
    why: 'Any other ends the process that loads the file: GGML_ASSERT aborts.',
    checkedBy: HPARAMS('1352, an assertion that kills the process'),
    fix: CONVERT,
    *check(file) {
      const value = file.value('rope.scaling.type');
      if (!isCovered(file) || value?.type !== 'string' || ROPE_SCALING_TYPES.has(value.value)) return;
      yield ofKey(
        file,
        'rope.scaling.type',
        `${quoted(value.value)} is not one of ${[...ROPE_SCALING_TYPES].join(', ')}`,
      );
    },
  },
  'architecture/rope-scaling-factor': {
    severity: 'error',
    reason: 'Scaling factors of the rotary positions are finite and not negative.',
    why: 'Positions are divided by them.',
    checkedBy: 'Nobody.',
    fix: CONVERT,
    *check(file) {
      if (!isCovered(file)) return;
      for (const suffix of ['rope.scaling.factor', 'rope.scale_linear', 'rope.scaling.attn_factor']) {
        const factor = numberOf(file.value(suffix));
        if (factor === undefined || (Number.isFinite(factor) && factor >= 0)) continue;
        yield ofKey(file, suffix, `${factor}, expected a finite factor that is not negative`);
      }
    },
  },
  'architecture/experts': {
    severity: 'error',
    reason:
      'Expert counts fit: at most 1024, none used without any, at least one used and no more than there are.',
    why: 'Any other combination ends the process that loads the file: GGML_ASSERT aborts.',
    checkedBy: HPARAMS('1293-1306, assertions that kill the process'),
    fix: CONVERT,
    check: experts,
  },
  'architecture/vocabulary-size': {
    severity: 'warning',
    reason: 'vocab_size, where it is written, is the number of tokens.',
    why: 'Programs that trust it size their buffers by it.',
    checkedBy: 'Nobody: llama.cpp counts the tokens.',
    fix: CONVERT,
    *check(file) {
      const stated = numberOf(file.value('vocab_size'));
      const tokens = file.header?.metadata.get('tokenizer.ggml.tokens');
      if (!isCovered(file) || stated === undefined || tokens?.type !== 'array') return;
      if (stated === tokens.value.length) return;
      yield ofKey(file, 'vocab_size', `${stated}, but the vocabulary has ${tokens.value.length} tokens`);
    },
  },
} satisfies Record<string, Rule>;
