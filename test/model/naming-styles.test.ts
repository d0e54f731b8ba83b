import { describe, expect, it } from 'vitest';
import { gatherModels, modelsOfQuantization } from '../../src/model/names.ts';
import { parseRef } from '../../src/model/ref.ts';
import { chooseModel } from '../../src/model/remote-model.ts';

/** Names as well-known uploaders write them, from their repositories; the commits are not the point. */
const REPOS: Record<string, { files: string[]; finds: Record<string, string | RegExp> }> = {
  'bartowski/Phi-3-mini-4k-instruct-GGUF': {
    files: [
      '.gitattributes',
      'README.md',
      'Phi-3-mini-4k-instruct-IQ1_M.gguf',
      'Phi-3-mini-4k-instruct-IQ2_XXS.gguf',
      'Phi-3-mini-4k-instruct-IQ3_M.gguf',
      'Phi-3-mini-4k-instruct-IQ4_NL.gguf',
      'Phi-3-mini-4k-instruct-IQ4_XS.gguf',
      'Phi-3-mini-4k-instruct-Q2_K.gguf',
      'Phi-3-mini-4k-instruct-Q3_K_L.gguf',
      'Phi-3-mini-4k-instruct-Q4_K_M.gguf',
      'Phi-3-mini-4k-instruct-Q4_K_S.gguf',
      'Phi-3-mini-4k-instruct-Q8_0.gguf',
      'Phi-3-mini-4k-instruct-fp32.gguf',
      'Phi-3-mini-4k-instruct.imatrix',
    ],
    finds: {
      Q2_K: 'Phi-3-mini-4k-instruct-Q2_K.gguf',
      q4_k_m: 'Phi-3-mini-4k-instruct-Q4_K_M.gguf',
      'q4-k-m': 'Phi-3-mini-4k-instruct-Q4_K_M.gguf',
      'Q4.K.M': 'Phi-3-mini-4k-instruct-Q4_K_M.gguf',
      Q8_0: 'Phi-3-mini-4k-instruct-Q8_0.gguf',
      IQ4_XS: 'Phi-3-mini-4k-instruct-IQ4_XS.gguf',
      f32: 'Phi-3-mini-4k-instruct-fp32.gguf',
      Q4_K: /may mean several models.*Q4_K_M .*Q4_K_S/,
      Q4: /may mean several models.*Q4_K_M .*Q4_K_S/,
      IQ4: /may mean several models.*IQ4_NL .*IQ4_XS/,
      Q4_K_L: /no such model.*Q4_K_M/,
      Q5_K_M: /no such model.*Q2_K .*Q8_0/,
      F16: /no such model/,
    },
  },
  'bartowski/Llama-3.2-1B-Instruct-GGUF': {
    files: [
      'Llama-3.2-1B-Instruct-IQ3_M.gguf',
      'Llama-3.2-1B-Instruct-Q3_K_XL.gguf',
      'Llama-3.2-1B-Instruct-Q4_0.gguf',
      'Llama-3.2-1B-Instruct-Q4_0_4_4.gguf',
      'Llama-3.2-1B-Instruct-Q4_0_4_8.gguf',
      'Llama-3.2-1B-Instruct-Q4_0_8_8.gguf',
      'Llama-3.2-1B-Instruct-Q4_K_L.gguf',
      'Llama-3.2-1B-Instruct-Q4_K_M.gguf',
      'Llama-3.2-1B-Instruct-Q6_K.gguf',
      'Llama-3.2-1B-Instruct-Q6_K_L.gguf',
      'Llama-3.2-1B-Instruct-f16.gguf',
      'Llama-3.2-1B-Instruct.imatrix',
    ],
    finds: {
      Q4_0: 'Llama-3.2-1B-Instruct-Q4_0.gguf',
      Q4_0_4_8: 'Llama-3.2-1B-Instruct-Q4_0_4_8.gguf',
      Q4_K_L: 'Llama-3.2-1B-Instruct-Q4_K_L.gguf',
      Q6_K: 'Llama-3.2-1B-Instruct-Q6_K.gguf',
      q3_k_xl: 'Llama-3.2-1B-Instruct-Q3_K_XL.gguf',
      fp16: 'Llama-3.2-1B-Instruct-f16.gguf',
      F16: 'Llama-3.2-1B-Instruct-f16.gguf',
      BF16: /no such model/,
    },
  },
  'lmstudio-ai/gemma-2b-it-GGUF': {
    files: ['gemma-2b-it-q4_k_m.gguf', 'gemma-2b-it-q8_0.gguf'],
    finds: {
      Q4_K_M: 'gemma-2b-it-q4_k_m.gguf',
      Q8_0: 'gemma-2b-it-q8_0.gguf',
      Q4: 'gemma-2b-it-q4_k_m.gguf',
    },
  },
  'google/gemma-2b-it-GGUF': {
    files: ['README.md', 'gemma-2b-it.gguf'],
    finds: { Q4_K_M: /no such model.*gemma-2b-it\.gguf/, '': 'gemma-2b-it.gguf' },
  },
  'google/gemma-3-4b-it-qat-q4_0-gguf': {
    files: ['gemma-3-4b-it-q4_0.gguf', 'mmproj-model-f16-4B.gguf'],
    finds: { Q4_0: 'gemma-3-4b-it-q4_0.gguf', '': 'gemma-3-4b-it-q4_0.gguf', F16: /no such model/ },
  },
  'microsoft/Phi-3-mini-4k-instruct-gguf': {
    files: ['Phi-3-mini-4k-instruct-fp16.gguf', 'Phi-3-mini-4k-instruct-q4.gguf'],
    finds: {
      Q4: 'Phi-3-mini-4k-instruct-q4.gguf',
      F16: 'Phi-3-mini-4k-instruct-fp16.gguf',
      // What its q4 is, only its header says.
      Q4_K_M: /no such model.*F16 .*Q4 /,
    },
  },
  'TheBloke/Mistral-7B-Instruct-v0.2-GGUF': {
    files: [
      'config.json',
      'mistral-7b-instruct-v0.2.Q2_K.gguf',
      'mistral-7b-instruct-v0.2.Q3_K_M.gguf',
      'mistral-7b-instruct-v0.2.Q4_0.gguf',
      'mistral-7b-instruct-v0.2.Q4_K_M.gguf',
      'mistral-7b-instruct-v0.2.Q5_K_S.gguf',
    ],
    finds: { q4_k_m: 'mistral-7b-instruct-v0.2.Q4_K_M.gguf', Q5: 'mistral-7b-instruct-v0.2.Q5_K_S.gguf' },
  },
  'Qwen/Qwen2.5-7B-Instruct-GGUF': {
    files: [
      'qwen2.5-7b-instruct-fp16-00001-of-00002.gguf',
      'qwen2.5-7b-instruct-fp16-00002-of-00002.gguf',
      'qwen2.5-7b-instruct-q2_k.gguf',
      'qwen2.5-7b-instruct-q4_k_m-00001-of-00002.gguf',
      'qwen2.5-7b-instruct-q4_k_m-00002-of-00002.gguf',
    ],
    finds: {
      Q4_K_M: 'qwen2.5-7b-instruct-q4_k_m-00001-of-00002.gguf',
      F16: 'qwen2.5-7b-instruct-fp16-00001-of-00002.gguf',
      Q2_K: 'qwen2.5-7b-instruct-q2_k.gguf',
    },
  },
  'unsloth/Qwen3-30B-A3B-GGUF': {
    files: [
      'BF16/Qwen3-30B-A3B-BF16-00001-of-00002.gguf',
      'BF16/Qwen3-30B-A3B-BF16-00002-of-00002.gguf',
      'Qwen3-30B-A3B-Q4_K_M.gguf',
      'Qwen3-30B-A3B-UD-IQ1_S.gguf',
      'Qwen3-30B-A3B-UD-Q4_K_XL.gguf',
      'Qwen3-30B-A3B-UD-Q8_K_XL.gguf',
      'imatrix_unsloth.dat',
      'imatrix_unsloth.gguf_file',
      'mmproj-BF16.gguf',
    ],
    finds: {
      BF16: 'BF16/Qwen3-30B-A3B-BF16-00001-of-00002.gguf',
      'UD-Q4_K_XL': 'Qwen3-30B-A3B-UD-Q4_K_XL.gguf',
      ud_q4_k_xl: 'Qwen3-30B-A3B-UD-Q4_K_XL.gguf',
      Q4_K_XL: 'Qwen3-30B-A3B-UD-Q4_K_XL.gguf',
      Q4_K_M: 'Qwen3-30B-A3B-Q4_K_M.gguf',
      IQ1_S: 'Qwen3-30B-A3B-UD-IQ1_S.gguf',
      Q4: /may mean several models.*Q4_K_M .*UD-Q4_K_XL/,
    },
  },
  'unsloth/DeepSeek-R1-GGUF': {
    files: [
      'DeepSeek-R1-Q4_K_M/DeepSeek-R1-Q4_K_M-00001-of-00002.gguf',
      'DeepSeek-R1-Q4_K_M/DeepSeek-R1-Q4_K_M-00002-of-00002.gguf',
      'DeepSeek-R1-UD-IQ1_S/DeepSeek-R1-UD-IQ1_S-00001-of-00002.gguf',
      'DeepSeek-R1-UD-IQ1_S/DeepSeek-R1-UD-IQ1_S-00002-of-00002.gguf',
      'DeepSeek-R1.BF16/DeepSeek-R1.BF16-00001-of-00002.gguf',
    ],
    finds: {
      Q4_K_M: 'DeepSeek-R1-Q4_K_M/DeepSeek-R1-Q4_K_M-00001-of-00002.gguf',
      IQ1_S: 'DeepSeek-R1-UD-IQ1_S/DeepSeek-R1-UD-IQ1_S-00001-of-00002.gguf',
      BF16: /1 of 2 shards are missing: DeepSeek-R1\.BF16\/DeepSeek-R1\.BF16-00002-of-00002\.gguf/,
    },
  },
  'mradermacher/Some-7B-i1-GGUF': {
    files: ['Some-7B.i1-IQ2_M.gguf', 'Some-7B.i1-Q4_K_M.gguf', 'Some-7B.i1-Q6_K.gguf', 'imatrix.dat'],
    finds: { Q4_K_M: 'Some-7B.i1-Q4_K_M.gguf', iq2_m: 'Some-7B.i1-IQ2_M.gguf' },
  },
  'ggml-org/gpt-oss-20b-GGUF': {
    files: ['gpt-oss-20b-mxfp4.gguf'],
    finds: { MXFP4: 'gpt-oss-20b-mxfp4.gguf' },
  },
  'ggml-org/gemma-3-4b-it-GGUF': {
    files: [
      'gemma-3-4b-it-Q4_K_M.gguf',
      'gemma-3-4b-it-Q8_0.gguf',
      'gemma-3-4b-it-f16.gguf',
      'mmproj-model-f16.gguf',
    ],
    finds: { F16: 'gemma-3-4b-it-f16.gguf', Q4_K_M: 'gemma-3-4b-it-Q4_K_M.gguf' },
  },
  'microsoft/bitnet-b1.58-2B-4T-gguf': {
    files: ['ggml-model-i2_s.gguf'],
    finds: { I2_S: 'ggml-model-i2_s.gguf' },
  },
  'user/tinyllama-Q4_K_M-GGUF': {
    files: ['tinyllama-1.1b-chat-q4_k_m.gguf', 'TQ/tinyllama-TQ1_0.gguf', 'TQ/tinyllama-TQ2_0.gguf'],
    finds: { TQ1_0: 'TQ/tinyllama-TQ1_0.gguf', Q4_K_M: 'tinyllama-1.1b-chat-q4_k_m.gguf' },
  },
};

describe.each(Object.entries(REPOS))('%s', (repo, { files, finds }) => {
  const listing = {
    repo,
    revision: 'main',
    commit: '0'.repeat(40),
    gated: false,
    source: 'hub',
    files: files.map((path) => ({ path, sizeBytes: 1_000_000, objectId: 'a'.repeat(64) })),
  } as const;
  it.each(Object.entries(finds))(':%s', (quantization, expected) => {
    const ref = parseRef(quantization === '' ? `hf:${repo}` : `hf:${repo}:${quantization}`);
    if (ref.kind !== 'hub') throw new Error(`${ref.kind} is no hub ref`);
    if (expected instanceof RegExp) expect(() => chooseModel(ref, listing)).toThrow(expected);
    else expect(chooseModel(ref, listing).path).toBe(expected);
  });

  it('is found by the label that each of its models is listed with', () => {
    const models = gatherModels(listing.files);
    for (const { label, path } of models)
      if (label !== undefined)
        expect(modelsOfQuantization(models, label).map((each) => each.path)).toContain(path);
    expect(models.some(({ path }) => /mmproj|imatrix/i.test(path))).toBe(false);
  });
});
