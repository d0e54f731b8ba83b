import type { TensorInfo } from '../../gguf/header.ts';
import { sharesByRole, sharesByType } from '../../gguf/quantization.ts';
import { bitsPerWeightOf, TENSOR_TYPE_NAMES, type TensorType } from '../../gguf/tensor-types.ts';
import type { Claim, TensorClaim } from './claim.ts';
import type { CardFacts } from './facts.ts';
import { type Quantity, readingThatHolds } from './quantity.ts';
import { matricesOf, type RoleGroup } from './roles.ts';
import { type Judgement, judged, notCheckable } from './verdict.ts';

/** The bits a type is named after: 4 of Q4_K, whose scales make it 4.5. */
function nominalBits(type: TensorType): number {
  return Number(/\d+/.exec(type.replace(/^[A-Z]*?(?=\d)/, ''))?.[0] ?? Number.NaN);
}

/** A flat `uses 4-bit` holds where most of the weights do; with less it is a false picture. */
const MOST = 0.5;
/** `half of the tensors`: recipes pick 15 to 17 of 32 layers, some a few more. */
const SHARES = {
  most: { least: MOST, most: 1 },
  half: { least: 0.35, most: 0.65 },
  some: { least: Number.MIN_VALUE, most: 1 },
} as const;

type OfTensors = Claim & { readonly tensors: TensorClaim };

export function judgeWeightBits(
  _: Claim,
  quantity: Quantity,
  { header, quantization }: CardFacts,
): Judgement {
  const matrices = header.tensors.filter(({ shape }) => shape.length >= 2);
  return judgeBits(quantity, matrices, `${quantization.bitsPerWeight.toFixed(2)} bits a weight on average`);
}

/** Bits or a type of some tensors. */
export function judgeTensors({ tensors, quantity }: OfTensors, { header }: CardFacts): Judgement {
  const { group, type } = tensors;
  const matrices = matricesOf(header.tensors, group);
  if (matrices.length === 0) return noSuchTensors(group, header.tensors);
  if (type !== null) return judgeType(type, tensors.share, matrices);
  return quantity === null ? notCheckable('it says no bits') : judgeBits(quantity, matrices, mixOf(matrices));
}

function judgeBits(quantity: Quantity, matrices: readonly TensorInfo[], evidence: string): Judgement {
  const elements = sum(matrices, ({ elements }) => elements);
  const average = (8 * sum(matrices, ({ sizeBytes }) => sizeBytes)) / elements;
  const isWhole = Number.isInteger(quantity.low) && Number.isInteger(quantity.high);
  const within = (bits: number): boolean => bits >= quantity.low && bits <= quantity.high;
  const share = sum(matrices, ({ type, elements: own }) => (within(nominalBits(type)) ? own : 0)) / elements;
  const holds = isWhole ? share >= MOST : readingThatHolds(quantity, average) !== undefined;
  const mix = sharesByType(matrices)
    .map(({ type, elements: own }) => `${((100 * own) / elements).toFixed(0)} % ${type}`)
    .join(', ');
  return judged(holds, `${average.toFixed(2)} bits: ${mix}`, 'read', evidence);
}

/** `Q6_K for half of attention.wv`. */
function judgeType(type: string, share: TensorClaim['share'], matrices: readonly TensorInfo[]): Judgement {
  const count = matrices.filter((tensor) => tensor.type === type).length;
  const { least, most } = SHARES[share];
  const holds = count / matrices.length >= least && count / matrices.length <= most;
  return judged(holds, mixOf(matrices), 'read', `${type} in ${count} of ${matrices.length} tensors`);
}

/** Of the file, or of the type that the claim is about: `Q4_K: 4.5 bpw` explains a type. */
export function judgeBitsPerWeight(
  { words, subject }: Claim,
  quantity: Quantity,
  { quantization, fileBytes, model }: CardFacts,
): Judgement {
  const type = TENSOR_TYPE_NAMES.find((each) => new RegExp(`(?<!\\w)${each}(?!\\w)`, 'i').test(words));
  if (type !== undefined && readingThatHolds(quantity, bitsPerWeightOf(type)) !== undefined) {
    const bits = String(bitsPerWeightOf(type));
    return judged(true, bits, 'read', `${type}, by the fields of its block`);
  }
  if (subject.kind !== 'own') return notCheckable('the model given is another quantization');
  const figures = [quantization.bitsPerWeight, (8 * fileBytes) / model.parameters];
  return judged(
    figures.some((value) => readingThatHolds(quantity, value) !== undefined),
    quantization.bitsPerWeight.toFixed(2),
    'read',
    'bits of all tensors by parameters',
  );
}

function noSuchTensors({ name }: RoleGroup, tensors: readonly TensorInfo[]): Judgement {
  const fused = /^attn_[qkv]$/.test(name) ? matricesOf(tensors, { roles: /^attn_qkv$/ }) : [];
  if (fused.length > 0) return notCheckable(`the file has ${name} fused into attn_qkv`, mixOf(fused), 'read');
  return notCheckable(`the file has no ${name} tensors`);
}

/** `attn_qkv: Q6_K in 16 of 32, Q4_K in 16`. */
function mixOf(matrices: readonly TensorInfo[]): string {
  return sharesByRole({ tensors: matrices })
    .map(({ role, tensors, byType }) => {
      const [first] = byType;
      if (byType.length === 1 && first !== undefined) return `${role}: ${first.type}`;
      return `${role}: ${byType.map(({ type, tensors: count }) => `${type} in ${count}`).join(', ')} of ${tensors}`;
    })
    .join('; ');
}

function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
