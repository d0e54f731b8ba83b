import { formatCount } from '../../util/units.ts';
import type { Claim } from './claims.ts';
import { CARD_CACHE_TYPES, type CardCacheType, type CardFacts, type CardMemory } from './facts.ts';
import { bothUnits } from './judge-size.ts';
import { intervalsOf, type Quantity, quantitiesIn, readingThatHolds } from './quantity.ts';
import { type Judgement, judged, notCheckable } from './verdict.ts';

/** Below this a chat has no room; it stands for the least memory that anybody can mean. */
const SMALLEST_CONTEXT = 512;
const DEFAULT_CONTEXT = 4096;
/** An app, its runtime and a copy of rearranged weights may come on top of what is estimated. */
const LARGEST_OVERHEAD = 2;

interface Setting {
  readonly contextSize: number;
  readonly cacheType: CardCacheType;
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
    const held =
      all.find(({ memory }) => readingThatHolds(quantity, memory.totalBytes) !== undefined) ?? first;
    return judged(readingThatHolds(quantity, held.memory.totalBytes) !== undefined, estimate(held));
  }
  const least = first.memory.weightsBytes;
  if (intervalsOf(quantity).every(({ high }) => high < least)) {
    return judged(false, {
      actual: `at least ${bothUnits(least)}`,
      basis: 'estimated',
      reason: 'the weights alone, without a context',
    });
  }
  if (intervalsOf(quantity).every(({ low }) => low > largest.memory.totalBytes * LARGEST_OVERHEAD)) {
    return judged(false, estimate(largest));
  }
  const range = `${bothUnits(first.memory.totalBytes)} at ${formatCount(SMALLEST_CONTEXT)} tokens, ${bothUnits(largest.memory.totalBytes)} at ${formatCount(trained)} (f16 cache)`;
  if (readingThatHolds(quantity, largest.memory.totalBytes) !== undefined) {
    return judged(true, estimate(largest));
  }
  return notCheckable('it depends on the context, and the card does not say which', range, 'estimated');
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
  const bytesOf = ({ memory }: Setting): number => (perToken ? memory.kvBytes / 256 : memory.kvBytes);
  const held = all.find((each) => readingThatHolds(quantity, bytesOf(each)) !== undefined);
  const shown = held ?? first;
  const actual = bothUnits(bytesOf(shown));
  const reason = `keys and values of all layers in ${shown.cacheType}${perToken ? ', a token' : `, ${formatCount(shown.contextSize)} tokens`}`;
  if (held === undefined && told === null && !perToken) {
    return notCheckable(
      'it depends on the context, and the card does not say which',
      `${actual} at ${formatCount(trained)}`,
      'estimated',
    );
  }
  return judged(held !== undefined, { actual, basis: 'estimated', reason });
}

/** Contexts by cache types, f16 first; one type alone where the claim names it. */
function settings({ words }: Claim, facts: CardFacts, contexts: readonly number[]): Setting[] {
  const named = CARD_CACHE_TYPES.filter((type) =>
    new RegExp(`\\b(?:${type}|${type.replace('f16', 'fp16')})\\b`, 'i').test(words),
  );
  return (named.length > 0 ? named : CARD_CACHE_TYPES).flatMap((cacheType) =>
    contexts.flatMap((contextSize) => {
      const memory = facts.memory(contextSize, cacheType);
      return memory === null ? [] : [{ contextSize, cacheType, memory }];
    }),
  );
}

const LARGEST_CONTEXT = 2 ** 24;

/** The number of tokens that a claim's own words name, the nearest to it. */
function contextIn({ quantity, near, words, beside }: Claim): number | null {
  const isTold = ({ unit, text }: Quantity): boolean => unit === 'tokens' && /token/i.test(text);
  const distance = ({ start }: Quantity): number => Math.abs(start - (quantity?.start ?? 0));
  const [closest] = beside.filter(isTold).sort((a, b) => distance(a) - distance(b));
  const tokens = closest ?? quantitiesIn(words).find(isTold);
  const pattern = /(?:n_ctx|context|ctx)[\s=:of]*(\d{3,})/i;
  const named = Number((pattern.exec(near) ?? pattern.exec(words))?.[1] ?? Number.NaN);
  const size = tokens === undefined ? named : tokens.high * (tokens.readings[0]?.factor ?? 1);
  return size >= 1 && size <= LARGEST_CONTEXT ? Math.round(size) : null;
}

function estimate({ contextSize, cacheType, memory }: Setting) {
  return {
    actual: bothUnits(memory.totalBytes),
    basis: 'estimated',
    reason: `weights, ${cacheType} cache of ${formatCount(contextSize)} tokens and compute buffer`,
  } as const;
}
