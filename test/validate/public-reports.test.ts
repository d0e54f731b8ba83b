import { describe, expect, it } from 'vitest';
import { array, pair, string, u32 } from '../../fixtures/make/bytes.ts';
import { bytesOf, floats, llama, tensor, uncovered, withPairs } from '../../fixtures/make/model.ts';
import { judged } from './facts.ts';

const text = (key: string, value: string) => ({ [key]: pair(key, 'string', string(value)) });
const id = (key: string, value: number) => ({ [key]: pair(key, 'u32', u32(value)) });
const texts = (key: string, values: readonly string[]) => ({
  [key]: pair(key, 'array', array('string', values.map(string))),
});
const TOKENS = 'tokenizer.ggml.tokens';
const TYPES = 'tokenizer.ggml.token_type';
const control = (types: readonly number[]) => ({
  [TYPES]: pair(TYPES, 'array', array('i32', types.map(u32))),
});
const typed = (type: number) =>
  bytesOf({
    ...uncovered(),
    tensors: [...uncovered().tensors, { ...tensor('blk.0.attn_q.weight', 4, 4), type, data: floats(16) }],
  });

/** What people reported of published files, a small file of each kind, and what is said of it. */
const REPORTS: readonly {
  readonly report: string;
  readonly what: string;
  readonly file: readonly number[];
  /** Rule and message; null where the file is sound. */
  readonly found: readonly [rule: string, message: RegExp] | null;
}[] = [
  {
    report: 'ggml-org/llama.cpp#27718',
    what: 'key-value heads all zero, with attention in some layers',
    file: bytesOf({
      ...withPairs(uncovered(), {
        ...text('general.architecture', 'nemotron_h_moe'),
        'nemotron_h_moe.attention.head_count_kv': pair(
          'nemotron_h_moe.attention.head_count_kv',
          'array',
          array('u32', [0, 0, 0].map(u32)),
        ),
      }),
      tensors: [...uncovered().tensors, tensor('blk.2.attn_k.weight', 4, 4)],
    }),
    found: ['architecture/layer-without-heads', /^layer 2 has 0 key-value heads/],
  },
  {
    report: 'LostRuins/koboldcpp#2404',
    what: 'scores of another type than float32: the load ends in an access violation',
    file: bytesOf(
      withPairs(llama(), {
        'tokenizer.ggml.scores': pair('tokenizer.ggml.scores', 'array', array('u32', [0, 0, 0, 0].map(u32))),
      }),
    ),
    found: ['vocabulary/array-type', /tokenizer\.ggml\.scores is of type array of uint32/],
  },
  {
    report: 'a-ghorbani/pocketpal-ai#658',
    what: 'types of a fork: the app crashes at each start',
    file: typed(142),
    found: ['tensor/type-unknown', /type 142 is PQ2_0 of PrismML’s llama\.cpp, a fork/],
  },
  {
    report: 'a-ghorbani/pocketpal-ai#50',
    what: 'Q4_0_4_8, which was removed',
    file: typed(32),
    found: ['tensor/type-removed', /type 32 \(Q4_0_4_8\) was removed/],
  },
  {
    report: 'a-ghorbani/pocketpal-ai#281',
    what: 'I2_S of bitnet.cpp under a number that llama.cpp gave up',
    file: typed(36),
    found: ['tensor/type-removed', /type 36 \(IQ4_NL_4_4\) was removed from ggml; it is I2_S of bitnet\.cpp/],
  },
  {
    report: 'withcatai/node-llama-cpp#169',
    what: 'EOS is <dummy32000>: replies do not end',
    file: bytesOf(
      withPairs(llama(), {
        ...texts(TOKENS, ['a', 'b', '<dummy32000>', 'c']),
        ...id('tokenizer.ggml.eos_token_id', 2),
      }),
    ),
    found: ['vocabulary/placeholder', /EOS is token 2 "<dummy32000>"/],
  },
  {
    report: 'ollama/ollama#6821',
    what: 'a fine-tune without its chat template',
    file: bytesOf(withPairs(llama(), text('general.name', 'Qwen2 1.5B Instruct'))),
    found: ['template/absent', /no chat template/],
  },
  {
    report: 'unslothai/unsloth#468',
    what: 'EOS is <|end_of_text|>, and <|eot_id|> is known by its text: replies end',
    file: bytesOf(
      withPairs(llama(), {
        ...texts(TOKENS, ['a', '<|begin_of_text|>', '<|end_of_text|>', '<|eot_id|>']),
        ...control([1, 3, 3, 3]),
      }),
    ),
    found: null,
  },
  {
    report: 'ggml-org/llama.cpp#3917',
    what: 'no token_embd.weight',
    file: bytesOf({
      ...llama(),
      tensors: llama().tensors.filter(({ name }) => name !== 'token_embd.weight'),
    }),
    found: ['architecture/tensor-missing', /token_embd\.weight/],
  },
  {
    report: 'ggml-org/llama.cpp#7338',
    what: 'a pre-tokenizer that the converter did not recognise',
    file: bytesOf(withPairs(llama(), { 'tokenizer.ggml.pre': null })),
    found: ['vocabulary/pre-missing', /tokenizer\.ggml\.pre is absent/],
  },
];

describe('files of public reports', () => {
  it.each(REPORTS)('$report: $what', ({ file, found }) => {
    const diagnostics = judged(file);
    if (found === null) return expect(diagnostics).toEqual([]);
    const [rule, message] = found;
    expect(diagnostics.map((each) => each.rule)).toContain(rule);
    expect(diagnostics.find((each) => each.rule === rule)?.message).toMatch(message);
  });
});
