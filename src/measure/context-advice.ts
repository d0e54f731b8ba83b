import { isAvailable, type Unavailable, unavailableBecause } from '../schema/availability.ts';
import type { CacheTypeResult, ContextResults, ContextRow, DepthRow } from '../schema/context.ts';
import { formatBytes, formatCount } from '../util/units.ts';

/** llama.cpp rounds a context up to a multiple of this, so that sizes between are no cheaper. */
const CONTEXT_STEP = 256;
/** Beyond the engine's own account: the runtime around it, and what a system needs to go on. */
export const RESERVE_BYTES = 256 * 1024 * 1024;

/**
 * What a cache type may cost and still be recommended: a tenth of what compare allows the weights (mean KLD 0.05 nats,
 * perplexity +5 %), rounded up for perplexity, whose error on a few chunks is larger. Our choice; f16 costs nothing.
 */
const MAX_MEAN_KLD = 0.005;
const MAX_PERPLEXITY_INCREASE = 0.01;
/** How sure it must be that a type loses facts that f16 knows at the same depth. */
const SIGNIFICANCE = 0.05;
/** A less precise cache has to hold this much more context to be worth its loss. */
const WORTHWHILE_GAIN = 1.25;

/**
 * The largest context whose estimate is within the budget, by bisection: memory only grows with the context.
 * @param totalBytes of a context size; null where it cannot be estimated
 * @param limit the largest size of interest
 */
export function largestWithin(
  totalBytes: (contextSize: number) => number | null,
  budgetBytes: number,
  limit: number,
): CacheTypeResult['largest'] {
  const sizeOf = (step: number) => Math.min(limit, step * CONTEXT_STEP);
  const fits = (step: number) => (totalBytes(sizeOf(step)) ?? Number.POSITIVE_INFINITY) <= budgetBytes;
  let most = Math.ceil(limit / CONTEXT_STEP);
  if (!fits(1)) {
    const least = totalBytes(sizeOf(1));
    return unavailableBecause(
      least === null
        ? 'the memory cannot be estimated from the header'
        : `even ${sizeOf(1)} tokens take ${formatBytes(least)}, more than ${formatBytes(budgetBytes)}`,
    );
  }
  let largest = 1;
  while (largest < most) {
    const middle = Math.ceil((largest + most) / 2);
    if (fits(middle)) largest = middle;
    else most = middle - 1;
  }
  const contextSize = sizeOf(largest);
  return { contextSize, totalBytes: totalBytes(contextSize) ?? 0 };
}

/** A type that failed at some size: the largest is then one that was measured, not what an estimate would allow. */
export function withinWhatWorked(type: CacheTypeResult, rows: readonly ContextRow[]): CacheTypeResult {
  const own = rows.filter(({ cacheType }) => cacheType === type.cacheType);
  const [first] = own.filter(({ failure }) => failure !== null).sort((a, b) => a.contextSize - b.contextSize);
  if (first === undefined || !isAvailable(type.largest) || type.largest.contextSize < first.contextSize)
    return type;
  const worked = own
    .filter(({ measured, contextSize }) => isAvailable(measured) && contextSize < first.contextSize)
    .sort((a, b) => b.contextSize - a.contextSize)[0];
  const reason = `a context of ${formatCount(first.contextSize)} tokens failed: ${first.failure?.message}`;
  if (worked === undefined || !isAvailable(worked.estimated))
    return { ...type, largest: unavailableBecause(reason) };
  const { contextSize, estimated } = worked;
  return { ...type, largest: { contextSize, totalBytes: estimated.totalBytes } };
}

/**
 * The setting to ship, in a sentence with its reason: the most precise cache, unless a less precise one whose loss was
 * measured and is small holds a quarter more context. Where its loss was measured with contexts full, it is small up to
 * the last depth before one at which it is not.
 * @param results rows and cache types, these from the most precise
 */
export function adviseContext(
  results: Pick<ContextResults, 'rows' | 'cacheTypes' | 'depths' | 'budget' | 'model' | 'stretched'>,
): ContextResults['recommendation'] {
  const { cacheTypes, rows, depths } = results;
  const usable = cacheTypes.filter((type) => isAcceptable(type) && !failed(type, rows));
  let chosen: CacheTypeResult | undefined;
  const sizeOf = (type: CacheTypeResult) => usableSize(type, depths);
  for (const type of usable) {
    if (sizeOf(type) >= (chosen === undefined ? 1 : WORTHWHILE_GAIN * sizeOf(chosen))) chosen = type;
  }
  if (chosen === undefined || !isAvailable(chosen.largest)) {
    const [first] = cacheTypes;
    return unavailableBecause(
      first !== undefined && !isAvailable(first.largest)
        ? first.largest.reason
        : 'no cache type is both usable here and near enough to f16',
    );
  }
  const contextSize = sizeOf(chosen);
  const { stretched } = results;
  if (
    stretched !== null &&
    isAvailable(stretched) &&
    stretched.perplexityIncrease > MAX_PERPLEXITY_INCREASE
  ) {
    const { unstretched, perplexity, perplexityIncrease: increase } = stretched;
    const sentence =
      `Use ${formatCount(unstretched)} tokens with ${article(chosen.cacheType)} ${chosen.cacheType} cache: in a larger ` +
      `context all positions get the long rope factors, and at ${formatCount(contextSize)} perplexity is ` +
      `${perplexity.toPrecision(3)} on the same text, ${signedPercent(increase)}.`;
    return { contextSize: unstretched, cacheType: chosen.cacheType, sentence };
  }
  return {
    contextSize,
    cacheType: chosen.cacheType,
    sentence: sentenceOf(chosen, contextSize, usable, results),
  };
}

function sentenceOf(
  { cacheType, largest, accuracy }: CacheTypeResult,
  contextSize: number,
  usable: readonly CacheTypeResult[],
  {
    budget,
    model,
    rows,
    depths,
    stretched,
  }: Pick<ContextResults, 'budget' | 'model' | 'rows' | 'depths' | 'stretched'>,
): string {
  if (!isAvailable(largest)) return '';
  const row = rows.find((one) => one.cacheType === cacheType && one.contextSize === contextSize);
  const smaller = row !== undefined && isAvailable(row.estimated) ? row.estimated.totalBytes : null;
  const totalBytes = contextSize === largest.contextSize ? largest.totalBytes : smaller;
  const whole = contextSize === model.contextLength ? ', all that the model was trained for,' : '';
  const allowed = `${formatBytes(budget.bytes)} ${budget.basis === 'asked' ? 'allowed' : 'free here'}`;
  const precise = usable.find((type) => type.cacheType === 'f16');
  const parts = [
    `Use ${formatCount(contextSize)} tokens${whole} with ${article(cacheType)} ${cacheType} cache: ` +
      `${totalBytes === null ? 'less than' : `an estimated ${formatBytes(totalBytes)} of`} the ${allowed}`,
  ];
  if (stretched !== null)
    parts.push(
      isAvailable(stretched)
        ? `${signedPercent(stretched.perplexityIncrease)} perplexity with the long rope factors that it gets`
        : `whose accuracy with the long rope factors is not known: ${stretched.reason}`,
    );
  else if (cacheType === 'f16') parts.push('and nothing lost to the cache');
  else if (precise !== undefined && isAvailable(precise.largest))
    parts.push(`where f16 holds ${formatCount(precise.largest.contextSize)} tokens`);
  if (cacheType !== 'f16' && isAvailable(accuracy)) {
    const { perplexityIncrease, meanKld } = accuracy;
    parts.push(
      `at a cost of ${signedPercent(perplexityIncrease)} perplexity (mean KLD ${meanKld.toPrecision(2)})`,
    );
  }
  parts.push(...depthParts(cacheType, contextSize, depths));
  if (contextSize < largest.contextSize)
    parts.push(`not the ${formatCount(largest.contextSize)} that fit, at which more is lost`);
  const speed = speedNear(rows, cacheType, contextSize);
  if (speed !== null) parts.push(speed);
  return `${parts.join(', ')}.`;
}

/** What was measured at the greatest depth within the context. */
function depthParts(cacheType: string, contextSize: number, depths: readonly DepthRow[]): string[] {
  const row = measuredDepths(cacheType, depths).findLast(({ depth }) => depth <= contextSize);
  if (row === undefined) return [];
  const { meanKld, needles } = row.measured;
  const loss = cacheType === 'f16' ? '' : `mean KLD ${meanKld.toPrecision(2)} and `;
  return [
    `${loss}${needles.found} of ${needles.total} hidden facts known when ${formatCount(row.depth)} are full`,
  ];
}

type MeasuredDepth = DepthRow & { readonly measured: Exclude<DepthRow['measured'], Unavailable> };

/** From the least deep. */
function measuredDepths(cacheType: string, depths: readonly DepthRow[]): MeasuredDepth[] {
  return depths
    .filter((row): row is MeasuredDepth => row.cacheType === cacheType && isAvailable(row.measured))
    .sort((a, b) => a.depth - b.depth);
}

/** The largest that fits, or the last depth before one at which the type's loss is not small. */
function usableSize({ cacheType, largest }: CacheTypeResult, depths: readonly DepthRow[]): number {
  if (!isAvailable(largest)) return 0;
  const own = measuredDepths(cacheType, depths).filter(({ depth }) => depth <= largest.contextSize);
  const lossy = own.findIndex(
    ({ measured: { meanKld, needles } }) => meanKld > MAX_MEAN_KLD || needles.pValue < SIGNIFICANCE,
  );
  return cacheType === 'f16' || lossy < 0 ? largest.contextSize : (own[lossy - 1]?.depth ?? 0);
}

/** The generation speed measured with this cache nearest below the context. */
function speedNear(rows: readonly ContextRow[], cacheType: string, contextSize: number): string | null {
  const row = rows.findLast(
    (one) =>
      one.cacheType === cacheType && one.contextSize <= contextSize && isAvailable(one.generationAtDepth),
  );
  if (row === undefined || !isAvailable(row.generationAtDepth)) return null;
  const { meanTps } = row.generationAtDepth;
  return `generating ${meanTps.toPrecision(3)} tokens a second when ${formatCount(row.contextSize)} are full`;
}

function isAcceptable({ cacheType, accuracy }: CacheTypeResult): boolean {
  if (cacheType === 'f16') return true;
  return (
    isAvailable(accuracy) &&
    accuracy.meanKld <= MAX_MEAN_KLD &&
    accuracy.perplexityIncrease <= MAX_PERPLEXITY_INCREASE
  );
}

/** llama.cpp refused the type, as it does where a head's length is no multiple of the type's block. */
function failed({ cacheType }: CacheTypeResult, rows: readonly ContextRow[]): boolean {
  const own = rows.filter((row) => row.cacheType === cacheType);
  return own.some(({ failure }) => failure !== null) && !own.some(({ measured }) => isAvailable(measured));
}

function article(cacheType: string): string {
  return /^(?:f|i)/.test(cacheType) ? 'an' : 'a';
}

function signedPercent(share: number): string {
  return `${share < 0 ? '' : '+'}${(100 * share).toFixed(2)} %`;
}
