import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { WritableModel, WritableValue } from '../../src/gguf/index.ts';

/** Test data that is not shipped; tests that need it are skipped with this reason where it is absent. */
export const sharedFolder = fileURLToPath(new URL('../../../shared/', import.meta.url));
export const sharedReason = existsSync(sharedFolder)
  ? undefined
  : 'the shared test data is not beside the repository';

export const text = (value: string): WritableValue => ({ type: 'string', value });
export const u32 = (value: number): WritableValue => ({ type: 'uint32', value });

/** A small valid model with one value of every type, arrays and four tensors of three types. */
export function sampleModel(overrides: Partial<WritableModel> = {}): WritableModel {
  return {
    metadata: [
      ['general.architecture', text('phi3')],
      ['general.name', text('Sample')],
      ['a.u8', { type: 'uint8', value: 255 }],
      ['a.i8', { type: 'int8', value: -128 }],
      ['a.u16', { type: 'uint16', value: 65535 }],
      ['a.i16', { type: 'int16', value: -32768 }],
      ['a.i32', { type: 'int32', value: -1 }],
      ['a.f32', { type: 'float32', value: 0.5 }],
      ['a.u64', { type: 'uint64', value: 2n ** 64n - 1n }],
      ['a.i64', { type: 'int64', value: -(2n ** 63n) }],
      ['a.f64', { type: 'float64', value: Math.PI }],
      ['a.bool', { type: 'bool', value: true }],
      [
        'tokenizer.ggml.tokens',
        { type: 'array', elementType: 'string', values: ['<s>', '', 'Ġthe', '▁日本', '😀'] },
      ],
      ['tokenizer.ggml.scores', { type: 'array', elementType: 'float32', values: [0, -1, -2, -3, -4] }],
    ],
    tensors: [
      { name: 'token_embd.weight', type: 'F16', shape: [32, 5] },
      { name: 'blk.0.attn_q.weight', type: 'Q4_0', shape: [32, 3] },
      { name: 'blk.0.attn_norm.weight', type: 'F32', shape: [7] },
      { name: 'output.weight', type: 'F16', shape: [32, 5] },
    ],
    ...overrides,
  };
}
