import { execFileSync, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  BACKEND_FUNCTIONS,
  CALLBACKS,
  ENUMS,
  FUNCTIONS,
  STRUCTS,
  TYPEDEFS,
} from '../../src/engine/llama-cpp/declarations.ts';
import { type CDeclarations, type Declared, differences, parseHeaders } from '../helpers/c-headers.ts';
import { scratchFolder } from '../helpers/cli.ts';

const HEADERS = [
  'include/llama.h',
  'ggml/include/ggml.h',
  'ggml/include/ggml-backend.h',
  'ggml/include/ggml-cpu.h',
];
const BUNDLE = join(
  dirname(createRequire(import.meta.url).resolve('node-llama-cpp')),
  '../llama/gitRelease.bundle',
);

const declared: Declared = {
  enums: ENUMS,
  structs: STRUCTS,
  typedefs: TYPEDEFS,
  callbacks: CALLBACKS,
  functions: {
    ...FUNCTIONS['ggml-base'],
    ...FUNCTIONS.ggml,
    ...FUNCTIONS.llama,
    ...BACKEND_FUNCTIONS,
  },
};

/** From the source that node-llama-cpp carries: the revision that its binaries were built from. */
async function bundledHeaders(): Promise<CDeclarations> {
  await using scratch = await scratchFolder();
  const folder = scratch.path('llama.cpp');
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8', maxBuffer: 2 ** 24 });
  git('clone', '--quiet', '--bare', BUNDLE, folder);
  return parseHeaders(HEADERS.map((path) => git('-C', folder, 'show', `HEAD:${path}`)));
}

describe('the declarations of llama.cpp', () => {
  // The source is a git bundle.
  const hasGit = spawnSync('git', ['--version']).status === 0;
  it.skipIf(!hasGit)('are what the headers say, every field, value and signature', async () => {
    const headers = await bundledHeaders();
    expect(differences(declared, headers)).toEqual([]);
    expect(Object.keys(declared.structs).length).toBeGreaterThan(5);
    expect(Object.keys(declared.functions).length).toBeGreaterThan(50);

    // Each kind of entry, declared otherwise.
    const { n_ctx, n_batch, ...others } = STRUCTS.llama_context_params;
    const changes: [Partial<Declared>, RegExp][] = [
      [
        { structs: { llama_context_params: { n_batch, n_ctx, ...others } } },
        /llama_context_params: field 0 is declared as uint32_t n_batch, the header has uint32_t n_ctx/,
      ],
      [
        { structs: { llama_context_params: { n_ctx, ...others } } },
        /field 1 is declared as uint32_t n_ubatch/,
      ],
      [
        { structs: { llama_context_params: { n_ctx: 'uint64_t', n_batch, ...others } } },
        /field 0 is declared as uint64_t n_ctx/,
      ],
      [
        { structs: { llama_context_params: { n_ctx, n_batch, ...others, more: 'bool' } } },
        /declared as bool more, the header has none/,
      ],
      [{ enums: { ggml_type: { GGML_TYPE_Q8_0: 9 } } }, /GGML_TYPE_Q8_0 is declared as 9, the header has 8/],
      [{ typedefs: { llama_token: 'int64_t' } }, /llama_token is declared as int64_t/],
      [{ callbacks: { ggml_abort_callback: ['bool'] } }, /has bool, void \*/],
      [{ functions: { llama_decode: ['int32_t', 'llama_context *'] } }, /llama_decode .* has .*llama_batch/],
      [{ functions: { llama_decoded: ['void'] } }, /the header has none/],
    ];
    const none: Declared = { enums: {}, structs: {}, typedefs: {}, callbacks: {}, functions: {} };
    for (const [change, said] of changes) {
      expect(differences({ ...none, ...change }, headers)).toContainEqual(expect.stringMatching(said));
    }
  });
});
