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
import { readingThatHolds } from './quantity.ts';
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
  return quantity === null ? judgeText(claim, facts) : judgeQuantity({ ...claim, quantity }, facts);
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

function judgeText(claim: Claim, facts: CardFacts): Judgement {
  switch (claim.kind) {
    case 'name':
    case 'base-model':
      return judgeName(claim, facts);
    case 'architecture':
      return judgeArchitecture(claim, facts);
    case 'format':
      return judgeFormat(claim, facts);
    case 'license':
      return judgeLicence(claim, facts);
    case 'quantization':
      return judgeQuantization(claim, facts);
    case 'quantized-by':
      return judgeQuantizedBy(claim, facts);
    case 'kv-memory':
      return judgeKvInWords(claim, facts);
    case 'imatrix':
      return judgeImatrix(facts);
    default:
      return notCheckable('a file does not say what it was trained on');
  }
}

function judgeQuantity(
  claim: Claim & { readonly quantity: NonNullable<Claim['quantity']> },
  facts: CardFacts,
): Judgement {
  const { kind, quantity } = claim;
  const { model } = facts;
  const key = (suffix: string): string => `${model.architecture}.${suffix}`;
  const read = (value: number | undefined, evidence: string): Judgement => {
    if (value === undefined) return notCheckable(`the file has no ${evidence}`);
    const holds = readingThatHolds(quantity, value) !== undefined;
    return judged(holds, { actual: formatCount(value), basis: 'read', reason: evidence });
  };
  switch (kind) {
    case 'file-size':
      return judgeFileSize(claim, quantity, facts);
    case 'original-size':
      return judgeOriginalSize(claim, quantity, facts);
    case 'size-reduction':
      return judgeReduction(claim, quantity, facts);
    case 'size-factor':
      return judgeFactor(claim, quantity, facts);
    case 'parameters':
      return read(model.parameters, 'elements of all tensors');
    case 'context-length':
      return read(model.contextLength, key('context_length'));
    case 'layers':
      return read(model.layers, key('block_count'));
    case 'heads':
      return read(model.heads, key('attention.head_count'));
    case 'kv-heads':
      return read(model.kvHeads, key('attention.head_count_kv'));
    case 'embedding-length':
      return read(model.embeddingLength, key('embedding_length'));
    case 'head-length':
      return read(model.keyLength, key('attention.key_length'));
    case 'experts':
      return read(model.experts, key('expert_count'));
    case 'feed-forward-length':
      return read(model.feedForwardLength, key('feed_forward_length'));
    case 'vocabulary':
      return read(model.vocabularySize, 'tokenizer.ggml.tokens');
    case 'weight-bits':
      return judgeWeightBits(quantity, facts);
    case 'bits-per-weight':
      return judgeBitsPerWeight(claim, quantity, facts);
    case 'memory':
      return judgeMemory(claim, quantity, facts);
    case 'kv-memory':
      return judgeKvMemory(claim, quantity, facts);
    case 'speed':
      return judgeSpeed(claim, quantity, facts);
    case 'speed-up':
      return judgeSpeedUp(claim, facts);
    case 'accuracy':
      return judgeAccuracy(facts);
    case 'perplexity':
    case 'divergence':
      return judgeRun({ ...claim, kind }, quantity, facts);
    case 'latency':
      return notCheckable('it depends on the prompt and the phone; kit measures it there');
    case 'device-memory':
      return judgeDeviceMemory(claim, quantity, facts);
    default:
      return notCheckable('the card does not say what the figure is of');
  }
}
