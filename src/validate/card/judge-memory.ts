import { COMMON_CACHE_TYPES, type CommonCacheType } from '../../schema/terms.ts';
import { formatCount } from '../../util/units.ts';
import type { Claim } from './claim.ts';
import type { CardFacts, CardMemory } from './facts.ts';
import { bothUnits } from './judge-size.ts';
import { intervalsOf, type Quantity, readingThatHolds } from './quantity.ts';
import { REQUIREMENT } from './size-kinds.ts';
import { type Judgement, judged, notCheckable } from './verdict.ts';

/** No chat fits into less: it stands for the least memory that can be meant. */
const SMALLEST_CONTEXT = 512;
const DEFAULT_CONTEXT = 4096;
/** An app, its runtime and a copy of rearranged weights may come on top of what is estimated. */
const LARGEST_OVERHEAD = 2;

interface Setting {
  readonly contextSize: number;
  readonly cacheType: CommonCacheType;
  readonly memory: CardMemory;
}

/**
 * Memory of a loaded model. A claim that names its context is held to it. One that does not is only false where no
 * context could make it true: below the weights alone, or far above the whole context's need.
 */
export function judgeMemory(claim: Claim, quantity: Quantity, facts: CardFacts): Judgement {
  const told = contextIn(claim);
  const trained = facts.model.contextLength ?? DEFAULT_CONTEXT;
  const all = settings(claim, facts, told === null ? [SMALLEST_CONTEXT, 2048, trained] : [told]);
  const [first] = all;
  const largest = all.findLast(({ cacheType }) => cacheType === all[0]?.cacheType);
  if (first === undefined || largest === undefined)
    return notCheckable('the header describes no layers to estimate memory for');
  if (told !== null) {
    const held = all.find((setting) => isAbout(quantity, setting));
    return judgedBy(held ?? first, held !== undefined);
  }
  const least = first.memory.weightsBytes;
  if (intervalsOf(quantity).every(({ high }) => high < least)) {
    return judged(false, `at least ${bothUnits(least)}`, 'estimated', 'the weights alone, without a context');
  }
  if (intervalsOf(quantity).every(({ low }) => low > largest.memory.totalBytes * LARGEST_OVERHEAD)) {
    return judgedBy(largest, false);
  }
  if (readingThatHolds(quantity, largest.memory.totalBytes) !== undefined) {
    return judgedBy(largest, true);
  }
  const range = `${bothUnits(first.memory.totalBytes)} at ${formatCount(SMALLEST_CONTEXT)} tokens, ${bothUnits(largest.memory.totalBytes)} at ${formatCount(trained)} (${largest.cacheType} cache)`;
  const reason = 'it depends on the context, and the card does not say which';
  return notCheckable(`${reason}${reachedAt(quantity, first, largest)}`, range, 'estimated');
}

/** The context at which a claim would hold; memory grows in proportion to it. */
function reachedAt(quantity: Quantity, first: Setting, last: Setting): string {
  const perToken =
    (last.memory.totalBytes - first.memory.totalBytes) / (last.contextSize - first.contextSize);
  const highs = intervalsOf(quantity).map(({ high }) => high);
  const most = highs.reduce((a, b) => Math.max(a, b), 0);
  const tokens = first.contextSize + (most - first.memory.totalBytes) / perToken;
  if (!(tokens >= 1 && tokens <= last.contextSize)) return '';
  return `; it would hold up to about ${formatCount(Number(tokens.toPrecision(2)))} tokens`;
}

/** What a phone should have. Less than the weights cannot be enough; more may have reasons that no file tells. */
export function judgeDeviceMemory({ words }: Claim, quantity: Quantity, facts: CardFacts): Judgement {
  const { tensorBytes } = facts.quantization;
  if (!REQUIREMENT.test(words) || intervalsOf(quantity).some(({ high }) => high >= tensorBytes))
    return notCheckable('it is about phones: quantscope fit judges them');
  const reason = 'the weights alone, without a context';
  return judged(false, `at least ${bothUnits(tensorBytes)}`, 'read', reason);
}

/** An estimate is right to a few percent; less than weights and cache no build of llama.cpp takes. */
function isAbout(quantity: Quantity, { memory }: Setting): boolean {
  const { weightsBytes, kvBytes, totalBytes } = memory;
  const [least, most] = [0.98 * (weightsBytes + kvBytes), 1.15 * totalBytes];
  return intervalsOf(quantity).some(({ low, high }) => high >= least && low <= most);
}

/** The KV cache: a formula over the header, exact for a context and a type. */
export function judgeKvMemory(claim: Claim, quantity: Quantity, facts: CardFacts): Judgement {
  const perToken = /per[- ]token|\/\s*token/i.test(claim.words);
  const told = contextIn(claim);
  const trained = facts.model.contextLength ?? DEFAULT_CONTEXT;
  const contexts = perToken ? [256] : [told ?? trained];
  const all = settings(claim, facts, contexts);
  const [first] = all;
  if (first === undefined) return notCheckable('the header describes no layers with a cache');
  const bytesOf = ({ memory, cacheType }: Setting): number[] => {
    const token = perToken ? facts.tokenBytes(cacheType) : null;
    return token === null ? [memory.kvBytes] : [...new Set([token.below, token.beyond])];
  };
  const held = all.find((each) =>
    bytesOf(each).some((bytes) => readingThatHolds(quantity, bytes) !== undefined),
  );
  const shown = held ?? first;
  const actual = bytesOf(shown).map(bothUnits).join(', past the windows ');
  const reason = `keys and values of all layers in ${shown.cacheType}${perToken ? ', a token' : `, ${formatCount(shown.contextSize)} tokens`}`;
  if (held === undefined && told === null && !perToken) {
    return notCheckable(
      'it depends on the context, and the card does not say which',
      `${actual} at ${formatCount(trained)}`,
      'estimated',
    );
  }
  return judged(held !== undefined, actual, 'estimated', reason);
}

/** A cache is large where it takes as much as a quarter of the weights. */
const LARGE_CACHE = 0.25;

/** `a large KV cache`. */
export function judgeKvInWords({ says }: Claim, { memory, model }: CardFacts): Judgement {
  const contextSize = model.contextLength ?? DEFAULT_CONTEXT;
  const needed = memory(contextSize, 'f16');
  if (needed === null) return notCheckable('the header describes no layers with a cache');
  const share = needed.kvBytes / needed.weightsBytes;
  return judged(
    /small|tiny/i.test(says) === share < LARGE_CACHE,
    bothUnits(needed.kvBytes),
    'estimated',
    `${(100 * share).toFixed(0)} % of the weights at ${formatCount(contextSize)} tokens in f16`,
  );
}

/** Contexts by cache types, f16 first; one type alone where the claim names it. */
function settings({ words }: Claim, facts: CardFacts, contexts: readonly number[]): Setting[] {
  const named = COMMON_CACHE_TYPES.filter((type) =>
    new RegExp(`\\b(?:${type}|${type.replace('f16', 'fp16')})\\b`, 'i').test(words),
  );
  return (named.length > 0 ? named : COMMON_CACHE_TYPES).flatMap((cacheType) =>
    contexts.flatMap((contextSize) => {
      const memory = facts.memory(contextSize, cacheType);
      return memory === null ? [] : [{ contextSize, cacheType, memory }];
    }),
  );
}

const LARGEST_CONTEXT = 2 ** 24;

const TOLD =
  /(?:n_ctx|context|ctx)(?:\s+(?:size|length|window))?[\s=:(of]*(?<behind>\d[\d,]*\s*k?)\b|(?<before>\d[\d,]*\s*k?)[\s-]*(?:tokens?|context|ctx)\b/i;

/** The number of tokens that a claim names: beside the figure, or in the same row or sentence. */
function contextIn({ near, words }: Claim): number | null {
  const groups = (TOLD.exec(near) ?? TOLD.exec(words))?.groups;
  const told = (groups?.['behind'] ?? groups?.['before'] ?? '').replaceAll(/[,\s]/g, '');
  const size = Number.parseInt(told, 10) * (/k$/i.test(told) ? 1024 : 1);
  return size >= SMALLEST_CONTEXT / 8 && size <= LARGEST_CONTEXT ? size : null;
}

/** Held against all of the memory that a setting takes. */
function judgedBy({ contextSize, cacheType, memory }: Setting, holds: boolean): Judgement {
  const reason = `weights, ${cacheType} cache of ${formatCount(contextSize)} tokens and compute buffer`;
  return judged(holds, bothUnits(memory.totalBytes), 'estimated', reason);
}
