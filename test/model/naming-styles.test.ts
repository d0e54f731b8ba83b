import { describe, expect, it } from 'vitest';
import { gatherModels, modelsOfTag } from '../../src/model/names.ts';
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
      Q4: /no model is named so; taking gemma-2b-it-q4_k_m\.gguf/,
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
    finds: {
      q4_k_m: 'mistral-7b-instruct-v0.2.Q4_K_M.gguf',
      Q5: /taking mistral-7b-instruct-v0\.2\.Q5_K_S\.gguf/,
    },
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
  'mradermacher/Foo-8B-i1-GGUF': {
    files: [
      'Foo-8B.i1-IQ3_M.gguf',
      'Foo-8B.i1-Q4_K_M.gguf',
      'Foo-8B.i1-Q4_K_P.gguf',
      'Foo-8B.mtp-Q8_0.gguf',
      'Foo-8B.Q8_0.gguf',
    ],
    finds: {
      'i1-Q4_K_M': 'Foo-8B.i1-Q4_K_M.gguf',
      Q4_K_P: 'Foo-8B.i1-Q4_K_P.gguf',
      'Foo-8B.i1-IQ3_M.gguf': 'Foo-8B.i1-IQ3_M.gguf',
      Q8_0: 'Foo-8B.Q8_0.gguf',
    },
  },
  'maker/Sizes-GGUF': {
    files: ['big-7B-Q8_0.gguf', 'big-13B-Q8_0.gguf', 'big-7B-Q3_K_S-3.25bpw.gguf'],
    finds: {
      '7B-Q8_0': 'big-7B-Q8_0.gguf',
      'big-7B-Q8_0': 'big-7B-Q8_0.gguf',
      'Q3_K_S-3.25bpw': 'big-7B-Q3_K_S-3.25bpw.gguf',
      Q8_0: /may mean several models.*big-7B-Q8_0.*big-13B-Q8_0/,
    },
  },
  'maker/Inexact-GGUF': {
    files: ['m-UD-Q2_K_XL.gguf', 'm-Q4_0_4_4.gguf', 'm-Q5_K_P.gguf'],
    finds: {
      Q2_K: /no model is named so; taking m-UD-Q2_K_XL\.gguf/,
      Q4_0: /no model is named so; taking m-Q4_0_4_4\.gguf/,
      Q5_K: /no model is named so; taking m-Q5_K_P\.gguf/,
      Q5: /no model is named so; taking m-Q5_K_P\.gguf/,
      Q2_K_XL: 'm-UD-Q2_K_XL.gguf',
    },
  },
  'user/tinyllama-Q4_K_M-GGUF': {
    files: ['tinyllama-1.1b-chat-q4_k_m.gguf', 'TQ/tinyllama-TQ1_0.gguf', 'TQ/tinyllama-TQ2_0.gguf'],
    finds: { TQ1_0: 'TQ/tinyllama-TQ1_0.gguf', Q4_K_M: 'tinyllama-1.1b-chat-q4_k_m.gguf' },
  },
};

/** llama.cpp v0.5.0's own choice, by the rules of common/download.cpp: the first file in the listing's order. */
function chosenByLlamaCpp(files: readonly string[], tag: string): string | undefined {
  const isModel = (path: string): boolean =>
    path.endsWith('.gguf') &&
    !/mmproj|imatrix|mtp-|eagle3-|dflash-|dspark-/.test(path.slice(path.lastIndexOf('/') + 1)) &&
    !/-(?!00001)\d{5}-of-\d{5}\.gguf$/.test(path);
  const models = files.filter(isModel);
  const tags = tag === '' ? ['Q4_K_M', 'Q8_0'] : [tag];
  for (const each of tags) {
    const found = models.find((path) => new RegExp(`${each}[.-]`, 'i').test(path));
    if (found !== undefined) return found;
  }
  return tag === '' ? models[0] : undefined;
}

describe.each(Object.entries(REPOS))('%s', (repo, { files, finds }) => {
  const listing = {
    repo,
    revision: 'main',
    commit: '0'.repeat(40),
    gated: false,
    source: 'hub',
    files: files.map((path) => ({ path, sizeBytes: 1_000_000, objectId: 'a'.repeat(64) })),
  } as const;
  const refOf = (tag: string) => {
    const ref = parseRef(tag === '' ? `hf:${repo}` : `hf:${repo}:${tag}`);
    if (ref.kind !== 'hub') throw new Error(`${ref.kind} is no hub ref`);
    return ref;
  };

  it.each(Object.entries(finds))(':%s', (tag, expected) => {
    if (expected instanceof RegExp) {
      try {
        const { model, notice } = chooseModel(refOf(tag), listing);
        // Taken, and said so.
        expect(`${notice} ${model.path}`).toMatch(expected);
        expect(notice).not.toBeNull();
      } catch (thrown) {
        expect(String(thrown)).toMatch(expected);
      }
    } else
      expect(chooseModel(refOf(tag), listing)).toMatchObject({ model: { path: expected }, notice: null });
  });

  it.each(['', ...Object.keys(finds)])('agrees with llama.cpp, or says so, on ":%s"', (tag) => {
    const theirs = chosenByLlamaCpp(files, tag);
    let ours: ReturnType<typeof chooseModel>;
    try {
      ours = chooseModel(refOf(tag), listing);
    } catch (thrown) {
      // Asked, where llama.cpp takes the first of several or fails at its shards; never lost.
      if (theirs !== undefined) expect(String(thrown)).toMatch(/may mean several|shards are missing/);
      return;
    }
    if (theirs === undefined || tag === '') return;
    expect(ours.model.path).toBe(theirs);
  });

  it('takes what llama.cpp takes where no tag is given, and says so where there are several', () => {
    const { model, notice } = chooseModel(refOf(''), listing);
    expect(model.path).toBe(chosenByLlamaCpp(files, ''));
    expect(notice === null).toBe(gatherModels(listing.files).length === 1);
  });

  it('is found by the label that each of its models is listed with', () => {
    const models = gatherModels(listing.files);
    for (const { label, path } of models)
      if (label !== undefined)
        expect(modelsOfTag(models, label).models.map((each) => each.path)).toContain(path);
    expect(models.some(({ path }) => /mmproj|imatrix/i.test(path))).toBe(false);
  });
});
