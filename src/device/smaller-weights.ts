import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import type { FitChange, SmallerWeights } from '../schema/phones.ts';

/**
 * Bits a weight of llama.cpp's usual mixes: the larger of Llama-2-7B's (tools/quantize/README.md) and Phi-3-mini's
 * published files.
 */
const MIXES = {
  Q8_0: 8.51,
  Q6_K: 6.57,
  Q5_K_M: 5.9,
  Q4_K_M: 5.02,
  Q3_K_M: 4.1,
  Q3_K_S: 3.5,
  Q2_K: 3.35,
} as const;
/** The least that llama.cpp's mixes take (IQ1_S); from there on no quantization helps. */
const LEAST_BITS = 2;

/**
 * What another quantization of the model may weigh.
 * @param loads what may be given up, the mildest first
 * @param restBytes what a load takes beside its weights
 * @param ownBytes the weights as they are
 * @returns null where no quantization would help: the buffers alone are too large
 */
export function smallerWeights(
  header: GgufHeader,
  loads: readonly FitChange[],
  restBytes: (load: FitChange) => number,
  ownBytes: number,
  limitBytes: number,
): SmallerWeights | null {
  const { parameters } = modelFacts(header);
  if (parameters <= 0) return null;
  for (const load of loads) {
    const weightsBytes = Math.floor(limitBytes - restBytes(load));
    const bitsPerWeight = (weightsBytes * 8) / parameters;
    if (!(bitsPerWeight >= LEAST_BITS)) continue;
    // The file itself fits so.
    if (weightsBytes >= ownBytes) return null;
    const [mix = null] = Object.entries(MIXES).find(([, bits]) => bits <= bitsPerWeight) ?? [];
    return {
      contextSize: load.contextSize,
      cacheType: load.cacheType,
      weightsBytes,
      bitsPerWeight,
      quantization: isUsual(header, parameters) ? mix : null,
    };
  }
  return null;
}

/**
 * A large embedding is kept more precise than the mix is named after, one that is the output matrix too may be held twice, and a matrix whose rows are no multiple of 256
 * elements takes a larger type (tensor_type_fallback in src/llama-quant.cpp): no mix can be named then.
 */
function isUsual({ tensors }: GgufHeader, parameters: number): boolean {
  const embedding = tensors.find(({ name }) => name === 'token_embd.weight')?.elements ?? 0;
  const matrices = tensors.filter(({ shape }) => shape.length > 1);
  const hasOutput = tensors.some(({ name }) => name === 'output.weight');
  return (
    hasOutput &&
    embedding <= parameters / 10 &&
    matrices.every(({ shape: [columns = 0] }) => columns % 256 === 0)
  );
}
