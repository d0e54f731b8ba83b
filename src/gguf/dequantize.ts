import { QuantscopeError } from '../util/errors.ts';
import { dequantizeBF16, dequantizeF16, dequantizeF32 } from './dequantize/floats.ts';
import { dequantizeMXFP4, dequantizeNVFP4 } from './dequantize/fp4.ts';
import { dequantizeIQ4_NL, dequantizeIQ4_XS } from './dequantize/iq4.ts';
import {
  dequantizeQ2_K,
  dequantizeQ3_K,
  dequantizeQ4_K,
  dequantizeQ5_K,
  dequantizeQ6_K,
} from './dequantize/k-quants.ts';
import {
  dequantizeQ1_0,
  dequantizeQ4_0,
  dequantizeQ4_1,
  dequantizeQ5_0,
  dequantizeQ5_1,
  dequantizeQ8_0,
} from './dequantize/scaled.ts';
import { dequantizeTQ1_0, dequantizeTQ2_0 } from './dequantize/ternary.ts';
import { layoutOf, type TensorType } from './tensor-types.ts';

/**
 * Writes the weights of all whole blocks in `blocks` to the beginning of `values`, which has room for them.
 * The values are ggml's own, bit for bit: each operation is rounded to a float, as its C code does.
 */
export type Dequantizer = (blocks: Uint8Array, values: Float32Array) => void;

const DEQUANTIZERS: Partial<Record<TensorType, Dequantizer>> = {
  F32: dequantizeF32,
  F16: dequantizeF16,
  BF16: dequantizeBF16,
  Q1_0: dequantizeQ1_0,
  Q4_0: dequantizeQ4_0,
  Q4_1: dequantizeQ4_1,
  Q5_0: dequantizeQ5_0,
  Q5_1: dequantizeQ5_1,
  Q8_0: dequantizeQ8_0,
  Q2_K: dequantizeQ2_K,
  Q3_K: dequantizeQ3_K,
  Q4_K: dequantizeQ4_K,
  Q5_K: dequantizeQ5_K,
  Q6_K: dequantizeQ6_K,
  IQ4_NL: dequantizeIQ4_NL,
  IQ4_XS: dequantizeIQ4_XS,
  MXFP4: dequantizeMXFP4,
  NVFP4: dequantizeNVFP4,
  TQ1_0: dequantizeTQ1_0,
  TQ2_0: dequantizeTQ2_0,
};

/** The dequantizer of a type, to be kept through a loop; undefined where the type is not supported. */
export function dequantizerOf(type: TensorType): Dequantizer | undefined {
  return DEQUANTIZERS[type];
}

/**
 * Weights of blocks of one type.
 * @param blocks a whole number of blocks
 * @throws QuantscopeError `dequantize/unsupported`, `dequantize/partial-block`
 */
export function dequantize(type: TensorType, blocks: Uint8Array): Float32Array {
  const dequantizer = dequantizerOf(type);
  if (dequantizer === undefined) {
    throw new QuantscopeError('dequantize/unsupported', `weights of type ${type} cannot be read as numbers`, {
      hint: `Supported types: ${Object.keys(DEQUANTIZERS).join(', ')}.`,
    });
  }
  const { blockBytes, blockElements } = layoutOf(type);
  if (blocks.length % blockBytes !== 0) {
    const message = `${blocks.length} bytes of ${type}, expected a multiple of its block of ${blockBytes}`;
    throw new QuantscopeError('dequantize/partial-block', message);
  }
  const values = new Float32Array((blocks.length / blockBytes) * blockElements);
  dequantizer(blocks, values);
  return values;
}
