import { getArray, getNumbers, getString } from '../gguf/index.ts';
import { atKey, quoted } from './finding.ts';
import type { Checks } from './rule.ts';
import { specialTokensOf, stringArray } from './vocabulary-checks.ts';
import { TOKENS } from './vocabulary-keys.ts';

/** Texts that converters put where the real one was lost: `<dummy32000>`, `[PAD32001]`, `[UNUSED_12]`. */
const PLACEHOLDER = /^(?:<dummy\d+>|\[PAD\d+\]|\[UNUSED_?\d+\]|<extra_id_\d+>)$/i;

/** Faults of published files, by the reports of people who had them. */
export const REPORTED_RULES: Checks = {
  /** https://github.com/ggml-org/llama.cpp/issues/27718 */
  *'architecture/layer-without-heads'(file) {
    const { header, kind, architecture } = file;
    if (header === null || kind !== 'model' || architecture === undefined) return;
    const key = `${architecture}.attention.head_count_kv`;
    if (getArray(header, key) === undefined) return;
    const heads = getNumbers(header, key) ?? [];
    const layers = heads.flatMap((count, layer) => {
      const hasKeys = header.tensors.some(({ name }) => name === `blk.${layer}.attn_k.weight`);
      return count === 0 && hasKeys ? [layer] : [];
    });
    const [first] = layers;
    if (first === undefined) return;
    const more = layers.length > 1 ? `, and ${layers.length - 1} more layers` : '';
    yield atKey(
      file,
      key,
      `layer ${first} has 0 key-value heads, and the tensor blk.${first}.attn_k.weight${more}`,
    );
  },
  /** https://github.com/withcatai/node-llama-cpp/issues/169 */
  *'vocabulary/placeholder'(file) {
    const special = specialTokensOf(file);
    if (special === null) return;
    for (const name of ['bos', 'eos', 'eot', 'eom'] as const) {
      const id = special[name];
      const text = id?.from === 'stated' ? String(stringArray(file, TOKENS)?.at(id.id) ?? '') : '';
      if (id === null || !PLACEHOLDER.test(text)) continue;
      const key = `tokenizer.ggml.${name}_token_id`;
      yield atKey(
        file,
        key,
        `${name.toUpperCase()} is token ${id.id} ${quoted(text)}: its own text was lost`,
      );
    }
  },
  /** https://github.com/ollama/ollama/issues/6821 */
  *'template/absent'(file) {
    if (file.header === null || file.kind !== 'model') return;
    if (getString(file.header, 'tokenizer.chat_template') !== undefined) return;
    // Models for embeddings and for ranking are named so too.
    if (file.value('pooling_type') !== undefined || /bert|embed|t5/.test(file.architecture ?? '')) return;
    const name = getString(file.header, 'general.name') ?? '';
    if (/\b(?:instruct|chat|it)\b/i.test(name))
      yield { message: `the name ${quoted(name)} promises a chat, and there is no chat template` };
  },
};
