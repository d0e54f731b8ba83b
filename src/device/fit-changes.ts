import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import type { FitChange, SmallerWeights } from '../schema/phones.ts';
import type { CacheType, FitVerdict, PhoneBackend } from '../schema/terms.ts';
import { gigabytes } from '../util/units.ts';
import { cacheTypeFits } from './kernels.ts';
import { CONTEXT_STEP } from './kv-cache.ts';
import { type PhoneMemoryRequest, phoneMemory } from './phone-memory.ts';
import { smallerWeights } from './smaller-weights.ts';

/** What would make a model fit on a phone: another cache, a smaller context, smaller weights. */

const SMALLEST_CONTEXT = 512;

/** How a model would be loaded on a phone. */
type Load = FitChange & Pick<PhoneMemoryRequest, 'flashAttention' | 'planned' | 'gpu'>;

/**
 * What gives up least: the whole context with a q8_0 cache, which costs hardly any accuracy; then the largest context
 * with it; with q4_0 only where nothing else is enough. Never below 512 tokens.
 */
export function changeThatFits(
  header: GgufHeader,
  backend: PhoneBackend,
  asked: Load,
  limitBytes: number,
): FitChange | null {
  const fits = (change: FitChange): boolean =>
    (phoneMemory(header, { ...asked, ...change, backend })?.totalBytes ?? Number.POSITIVE_INFINITY) <=
    limitBytes;
  // Not beyond what the model was trained for.
  const below = Math.min(asked.contextSize, (modelFacts(header).contextLength ?? asked.contextSize) + 1);
  for (const cacheType of cacheTypesFor(header, asked.cacheType)) {
    const whole = { contextSize: asked.contextSize, cacheType };
    if (asked.contextSize <= below && fits(whole)) return whole;
    const contextSize = largestContext((size) => fits({ contextSize: size, cacheType }), below);
    if (contextSize !== null) return { contextSize, cacheType };
  }
  return null;
}

/** Types to offer in place of f16: smaller ones that heads of that length can be kept in, else f16 itself. */
function cacheTypesFor(header: GgufHeader, asked: CacheType): CacheType[] {
  const smaller = (['q8_0', 'q4_0'] as const).filter((type) => cacheTypeFits(header, type));
  return asked === 'f16' && smaller.length > 0 ? smaller : [asked];
}

/**
 * Smaller weights that fit as the model is loaded, else with a smaller cache, else with the smallest context.
 * @param ownBytes of the weights as they are
 */
export function smallerThatFits(
  header: GgufHeader,
  backend: PhoneBackend,
  asked: Load,
  ownBytes: number,
  limitBytes: number,
): SmallerWeights | null {
  const { contextSize } = asked;
  const [cacheType = asked.cacheType] = cacheTypesFor(header, asked.cacheType);
  const least = Math.min(contextSize, SMALLEST_CONTEXT);
  const loads = [asked, { contextSize, cacheType }, { contextSize: least, cacheType }];
  const restBytes = (load: FitChange): number => {
    const memory = phoneMemory(header, { ...asked, ...load, backend });
    return memory === null ? Number.POSITIVE_INFINITY : memory.totalBytes - memory.weightsBytes;
  };
  return smallerWeights(header, loads, restBytes, ownBytes, limitBytes);
}

/** In steps of 256, as llama.cpp rounds; memory only grows with the context. */
function largestContext(fits: (contextSize: number) => boolean, below: number): number | null {
  let [low, high] = [Math.ceil(SMALLEST_CONTEXT / CONTEXT_STEP), Math.floor((below - 1) / CONTEXT_STEP)];
  if (high < low || !fits(low * CONTEXT_STEP)) return null;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle * CONTEXT_STEP)) low = middle;
    else high = middle - 1;
  }
  return low * CONTEXT_STEP;
}

export function changeText({ contextSize, cacheType }: FitChange): string {
  const article = cacheType.startsWith('f') || cacheType.startsWith('i') ? 'an' : 'a';
  return `a context of ${contextSize.toLocaleString('en-US')} and ${article} ${cacheType} cache`;
}

/** What would help, as sentences; where nothing would, that too. */
export function changesText(
  verdict: FitVerdict,
  change: FitChange | null,
  smaller: SmallerWeights | null,
): string[] {
  const would = verdict === 'tight' ? 'with room to spare' : 'would fit';
  const said: string[] = [];
  if (change !== null) said.push(`${would}: ${changeText(change)}`);
  if (smaller !== null) said.push(`${would}: ${smallerText(smaller)}`);
  if (verdict === 'no' && said.length === 0) said.push('no cache, context or quantization is small enough');
  return said;
}

export function smallerText({ weightsBytes, bitsPerWeight, quantization, ...load }: SmallerWeights): string {
  const named = quantization === null ? '' : `, about ${quantization}`;
  return (
    `another quantization of at most ${gigabytes(weightsBytes)}, ${bitsPerWeight.toFixed(1)} bits a weight${named}, ` +
    `with ${changeText(load)}`
  );
}
