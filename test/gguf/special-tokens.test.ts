import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { findBinary } from '../../src/engine/binaries.ts';
import { type LlamaCpp, loadLlamaCpp } from '../../src/engine/llama-cpp/library.ts';
import { parseHeader } from '../../src/gguf/index.ts';
import { specialTokens } from '../../src/gguf/special-tokens.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { llamaCppSource, withoutGit } from '../helpers/llama-cpp-source.ts';

/** What llama.cpp itself makes of a vocabulary. */
function asLoaded({ api }: LlamaCpp, path: string) {
  const model = api.llama_model_load_from_file(path, {
    ...api.llama_model_default_params(),
    vocab_only: true,
  });
  if (model === null) return null;
  const vocabulary = api.llama_model_get_vocab(model);
  if (vocabulary === null) return null;
  const count = api.llama_vocab_n_tokens(vocabulary);
  const ids = Array.from({ length: count }, (_, id) => id);
  const facts = {
    bos: api.llama_vocab_bos(vocabulary),
    eos: api.llama_vocab_eos(vocabulary),
    addsBos: api.llama_vocab_get_add_bos(vocabulary),
    ends: ids.filter((id) => api.llama_vocab_is_eog(vocabulary, id)),
  };
  api.llama_model_free(model);
  return facts;
}

describe.skipIf(withoutGit !== null)('the special tokens of a vocabulary', () => {
  let llamaCpp: LlamaCpp;
  beforeAll(async () => {
    const { folder } = await findBinary('off', 'auto');
    llamaCpp = loadLlamaCpp({ folder, cpuOnly: true, onLog: () => {} });
  });

  it('are those that llama.cpp takes, for every vocabulary of its source', async () => {
    await using scratch = await scratchFolder();
    const source = llamaCppSource(scratch.path('llama.cpp'));
    const names = source.list('models').filter((name) => /ggml-vocab-.*\.gguf$/.test(name));
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) {
      const path = scratch.path('vocabulary.gguf');
      const bytes = source.bytes(name);
      await writeFile(path, bytes);
      const own = specialTokens(parseHeader(bytes));
      const loaded = asLoaded(llamaCpp, path);
      expect(
        own && {
          bos: own.bos?.id ?? -1,
          eos: own.eos?.id ?? -1,
          addsBos: own.addsBos,
          ends: own.endOfGeneration.map(({ id }) => id),
        },
        name,
      ).toEqual(loaded);
    }
  });
});
