import type { ModelFacts } from '../../gguf/facts.ts';
import type { ClaimKind } from '../../schema/terms.ts';
import { formatCount } from '../../util/units.ts';
import type { Claim } from './claim.ts';
import type { CardFacts } from './facts.ts';
import { judgeBitsPerWeight, judgeTensors, judgeWeightBits } from './judge-bits.ts';
import { judgeDeviceMemory, judgeKvInWords, judgeKvMemory, judgeMemory } from './judge-memory.ts';
import {
  judgeArchitecture,
  judgeFormat,
  judgeImatrix,
  judgeLicence,
  judgeName,
  judgeQuantization,
  judgeQuantizedBy,
} from './judge-names.ts';
import { judgeFactor, judgeFileSize, judgeOriginalSize, judgeReduction } from './judge-size.ts';
import { judgeAccuracy, judgeRun, judgeSpeed, judgeSpeedUp } from './judge-speed.ts';
import { type Quantity, readingThatHolds } from './quantity.ts';
import { type Judgement, judged, notCheckable } from './verdict.ts';

/** Tests one claim. Without facts nothing can be tested, and the claim says so. */
export function judgeClaim(claim: Claim, facts: CardFacts | null): Judgement {
  if (facts === null) return notCheckable('no model was given: --model FILE');
  const { subject, quantity } = claim;
  if (subject.kind === 'other') return notCheckable(`it is about ${subject.name}, another model`);
  if (subject.kind === 'variant' && claim.kind !== 'file-size' && !OF_EVERY_VARIANT.has(claim.kind)) {
    return notCheckable(
      `it is about ${subject.label}, and the model given is ${facts.quantization.label.label}`,
    );
  }
  const { tensors } = claim;
  if (tensors !== null) return judgeTensors({ ...claim, tensors }, facts);
  if (quantity === null) {
    const judge = TEXT_JUDGES[claim.kind];
    return judge?.(claim, facts) ?? notCheckable('a file does not say what it was trained on');
  }
  const judge = QUANTITY_JUDGES[claim.kind];
  return judge?.(claim, quantity, facts) ?? notCheckable('the card does not say what the figure is of');
}

/** Shapes are the same in each quantization of a model. */
const OF_EVERY_VARIANT: ReadonlySet<Claim['kind']> = new Set([
  'original-size',
  'bits-per-weight',
  'perplexity',
  'divergence',
  'speed',
  'parameters',
  'context-length',
  'layers',
  'heads',
  'kv-heads',
  'head-length',
  'experts',
  'embedding-length',
  'feed-forward-length',
  'vocabulary',
  'license',
  'architecture',
  'kv-memory',
]);

type TextJudge = (claim: Claim, facts: CardFacts) => Judgement;
type QuantityJudge = (claim: Claim, quantity: Quantity, facts: CardFacts) => Judgement;

/** Claims in words. */
const TEXT_JUDGES: Partial<Record<ClaimKind, TextJudge>> = {
  name: judgeName,
  'base-model': judgeName,
  architecture: judgeArchitecture,
  format: judgeFormat,
  license: judgeLicence,
  quantization: judgeQuantization,
  'quantized-by': judgeQuantizedBy,
  'kv-memory': judgeKvInWords,
  imatrix: judgeImatrix,
};

/** Claims that are a figure. */
const QUANTITY_JUDGES: Partial<Record<ClaimKind, QuantityJudge>> = {
  'file-size': judgeFileSize,
  'original-size': judgeOriginalSize,
  'size-reduction': judgeReduction,
  'size-factor': judgeFactor,
  parameters: ofHeader('parameters', () => 'elements of all tensors'),
  'context-length': ofKey('contextLength', 'context_length'),
  layers: ofKey('layers', 'block_count'),
  heads: ofKey('heads', 'attention.head_count'),
  'kv-heads': ofKey('kvHeads', 'attention.head_count_kv'),
  'embedding-length': ofKey('embeddingLength', 'embedding_length'),
  'head-length': ofKey('keyLength', 'attention.key_length'),
  experts: ofKey('experts', 'expert_count'),
  'feed-forward-length': ofKey('feedForwardLength', 'feed_forward_length'),
  vocabulary: ofHeader('vocabularySize', () => 'tokenizer.ggml.tokens'),
  'weight-bits': judgeWeightBits,
  'bits-per-weight': judgeBitsPerWeight,
  memory: judgeMemory,
  'kv-memory': judgeKvMemory,
  speed: judgeSpeed,
  'speed-up': judgeSpeedUp,
  accuracy: judgeAccuracy,
  perplexity: judgeRun('perplexity'),
  divergence: judgeRun('divergence'),
  latency: () => notCheckable('it depends on the prompt and the phone; kit measures it there'),
  'device-memory': judgeDeviceMemory,
};

type NumberOfModel = keyof {
  [Name in keyof ModelFacts as ModelFacts[Name] extends number | undefined ? Name : never]: Name;
};

function ofKey(name: NumberOfModel, suffix: string): QuantityJudge {
  return ofHeader(name, ({ architecture }) => `${architecture}.${suffix}`);
}

/** A number of the header, by its name among the facts, and where it stands. */
function ofHeader(name: NumberOfModel, placeOf: (model: ModelFacts) => string): QuantityJudge {
  return (_, quantity, { model }) => {
    const [value, place] = [model[name], placeOf(model)];
    if (value === undefined) return notCheckable(`the file has no ${place}`);
    return judged(readingThatHolds(quantity, value) !== undefined, formatCount(value), 'read', place);
  };
}
