import { footprint } from '../../device/footprint.ts';
import { cacheTypeFits } from '../../device/kernels.ts';
import { type GgufHeader, modelFacts } from '../../gguf/index.ts';
import { largestWithin, RESERVE_BYTES } from '../../measure/context-advice.ts';
import { isAvailable } from '../../schema/availability.ts';
import { COMMON_CACHE_TYPES, type CommonCacheType } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { formatBytes, formatCount } from '../../util/units.ts';

/** A context as it was asked for, and the memory that there is for it and the weights. */
interface AskedContext {
  /** In tokens. */
  readonly contextSize: number;
  readonly cacheType: CommonCacheType;
  readonly freeBytes: number;
}

/** Of what is free now, what will still be when the advice is followed. */
const STEADY_SHARE = 0.9;

/** What is to be said of a context that is larger than any that the model was trained with; else null. */
export function beyondTraining(header: GgufHeader, contextSize: number): string | null {
  const { contextLength } = modelFacts(header);
  if (contextLength === undefined || contextSize <= contextLength) return null;
  return `warning: a context of ${formatCount(contextSize)} tokens is beyond the ${formatCount(contextLength)} that the model was trained for: what it says past them is likely to make no sense. Give --context ${contextLength}, or leave it out.`;
}

/**
 * Refuses a context that this machine has no memory for, from the header alone: before anything is loaded. A header
 * that does not describe its layers is left to llama.cpp.
 * @throws UsageError `context/too-large`, its hint a context, a cache type or both that fit
 */
export function requireMemory(header: GgufHeader, asked: AskedContext): void {
  const { contextSize, cacheType, freeBytes } = asked;
  const bytesWith = (type: CommonCacheType) => (size: number) => {
    const bytes = footprint(header, { contextSize: size, cacheType: type })?.totalBytes;
    return bytes === undefined ? null : bytes + RESERVE_BYTES;
  };
  // What is past all safe integers has no estimate, though a small context has.
  if (bytesWith(cacheType)(1) === null) return;
  const neededBytes = bytesWith(cacheType)(contextSize);
  if (neededBytes !== null && neededBytes <= freeBytes) return;
  const fitting = COMMON_CACHE_TYPES.find(
    (type) =>
      cacheTypeFits(header, type) && (bytesWith(type)(contextSize) ?? Infinity) <= freeBytes * STEADY_SHARE,
  );
  const limit = Math.min(contextSize, modelFacts(header).contextLength ?? contextSize);
  const largest = largestWithin(bytesWith(cacheType), freeBytes * STEADY_SHARE, limit);
  const remedies = [
    isAvailable(largest) ? `--context ${largest.contextSize}` : [],
    fitting === undefined ? [] : `--cache-type ${fitting}`,
  ].flat();
  throw new UsageError(
    'context/too-large',
    `a context of ${formatCount(contextSize)} tokens would take ${neededBytes === null ? 'more memory than any machine has' : `about ${formatBytes(neededBytes)} with the model`}, and ${formatBytes(freeBytes)} are free`,
    {
      hint:
        remedies.length > 0
          ? `Give ${remedies.join(' or ')}.`
          : 'The weights alone are too large: take a smaller quantization, or end other programs.',
    },
  );
}
