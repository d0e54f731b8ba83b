import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkAbi } from '../../src/engine/llama-cpp/abi.ts';
import { type LlamaCpp, loadLlamaCpp } from '../../src/engine/llama-cpp/library.ts';
import { scratchFolder } from '../helpers/cli.ts';

/** Prebuilt binaries for the CPU, as npm installs them. */
const name = `${process.platform}-${process.arch}`;
const folder = join(import.meta.dirname, '../../node_modules/@node-llama-cpp', name, 'bins', name);

describe.skipIf(process.platform !== 'linux')('llama.cpp’s own libraries', () => {
  let llamaCpp: LlamaCpp;
  const log: string[] = [];
  beforeAll(() => {
    llamaCpp = loadLlamaCpp({ folder, cpuOnly: true, onLog: (_, text) => log.push(text) });
  });

  it('are loaded with the backend that ggml picks for this CPU, and say so in the log', () => {
    const { api } = llamaCpp;
    const devices = Array.from({ length: api.ggml_backend_dev_count() }, (_, i) =>
      api.ggml_backend_dev_name(api.ggml_backend_dev_get(i)),
    );
    expect(devices).toEqual(['CPU']);
    expect(api.llama_print_system_info()).toContain('CPU');
    expect(log.join('')).toContain('loaded CPU backend');
  });

  it('are refused in another version, with both versions and what to do', () => {
    const other = { ...llamaCpp, api: { ...llamaCpp.api, llama_version: () => '0.6.1' } } as LlamaCpp;
    expect(() => checkAbi(other)).toThrow(
      'quantscope was written for llama.cpp 0.5.0, this is 0.6.1: its release is 0.6.1, expected 0.5.0',
    );
  });

  it('are refused when the default parameters are not where they should be', () => {
    const shifted = { ...llamaCpp.api.llama_context_default_params(), swa_full: false, kv_unified: true };
    const api = { ...llamaCpp.api, llama_context_default_params: () => shifted };
    expect(() => checkAbi({ ...llamaCpp, api } as LlamaCpp)).toThrow(
      /llama_context_default_params\(\)\.swa_full is false, expected true/,
    );
  });

  it('are asked for where they are missing', async () => {
    await using empty = await scratchFolder();
    expect(() => loadLlamaCpp({ folder: empty.path('.'), cpuOnly: true, onLog: () => {} })).toThrow(
      'ggml-base is not in',
    );
  });

  it('read back arrays of structs as they were written', () => {
    const none = { embd: null, pos: null, n_seq_id: null, seq_id: null, logits: null };
    const values = [1, 2, 3].map((tokens) => ({ n_tokens: tokens, token: BigInt(tokens) << 40n, ...none }));
    const memory = llamaCpp.array('llama_batch', values);
    expect(memory.byteLength).toBe(3 * 56);
    expect(llamaCpp.read('llama_batch', memory.subarray(56))).toEqual(values[1]);
    for (const value of values) {
      expect(llamaCpp.read('llama_batch', llamaCpp.pack('llama_batch', value).words)).toEqual(value);
    }
  });
});
