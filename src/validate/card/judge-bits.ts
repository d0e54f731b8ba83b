import type { TensorInfo } from '../../gguf/header.ts';
import { sharesByRole, sharesByType } from '../../gguf/quantization.ts';
import type { TensorType } from '../../gguf/tensor-types.ts';
import type { Claim } from './claims.ts';
import type { CardFacts } from './facts.ts';
import { type Quantity, readingThatHolds } from './quantity.ts';
import { matricesOf, type RoleGroup } from './roles.ts';
import { type Judgement, judged, notCheckable } from './verdict.ts';

/** The bits a type is named after: 4 of Q4_K, whose scales make it 4.5. */
export function nominalBits(type: TensorType): number {
  return Number(/\d+/.exec(type.replace(/^[A-Z]*?(?=\d)/, ''))?.[0] ?? Number.NaN);
}

/** A flat `uses 4-bit` holds where most of the weights do; with less it is a false picture. */
const MOST = 0.5;
/** `half of the tensors`: recipes pick 15 to 17 of 32 layers, some a few more. */
const HALF = { least: 0.35, most: 0.65 } as const;

/** Bits of all weights. */
export function judgeWeightBits(quantity: Quantity, { header, quantization }: CardFacts): Judgement {
  const matrices = header.tensors.filter(({ shape }) => shape.length >= 2);
  return judgeBits(quantity, matrices, `${quantization.bitsPerWeight.toFixed(2)} bits a weight on average`);
}

export function judgeTensorBits(claim: Claim, quantity: Quantity, { header }: CardFacts): Judgement {
  const { roles } = claim;
  const matrices = roles === null ? [] : matricesOf(header.tensors, roles);
  if (roles === null || matrices.length === 0) return noSuchTensors(roles, header.tensors);
  return judgeBits(quantity, matrices, mixOf(matrices));
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
  return judged(holds, { actual: `${average.toFixed(2)} bits: ${mix}`, basis: 'read', reason: evidence });
}

/** `Q6_K for half of attention.wv`. */
export function judgeTensorType(claim: Claim, { header }: CardFacts): Judgement {
  const { roles, words: type, says } = claim;
  const matrices = roles === null ? [] : matricesOf(header.tensors, roles);
  if (roles === null || matrices.length === 0) return noSuchTensors(roles, header.tensors);
  const share = sum(matrices, (tensor) => (tensor.type === type ? 1 : 0)) / matrices.length;
  const holds = says.includes(' for half of ')
    ? share >= HALF.least && share <= HALF.most
    : says.includes(' for some of ')
      ? share > 0
      : share >= MOST;
  const count = matrices.filter((tensor) => tensor.type === type).length;
  return judged(holds, {
    actual: mixOf(matrices),
    basis: 'read',
    reason: `${type} in ${count} of ${matrices.length} tensors`,
  });
}

export function judgeBitsPerWeight(
  quantity: Quantity,
  { quantization, fileBytes, model }: CardFacts,
): Judgement {
  const figures = [quantization.bitsPerWeight, (8 * fileBytes) / model.parameters];
  return judged(
    figures.some((value) => readingThatHolds(quantity, value) !== undefined),
    {
      actual: quantization.bitsPerWeight.toFixed(2),
      basis: 'read',
      reason: 'bits of all tensors by parameters',
    },
  );
}

function noSuchTensors(roles: RoleGroup | null, tensors: readonly TensorInfo[]): Judgement {
  const name = roles?.name ?? 'such';
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
