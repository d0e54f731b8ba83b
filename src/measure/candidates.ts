import { isAvailable } from '../schema/availability.ts';
import type { Limits, VariantResult } from '../schema/results.ts';
import type { Preference } from '../schema/terms.ts';
import { checkLimits, type LimitCheck } from './limits.ts';

/** A variant that ran, with its limits checked. The reference is its own measure and meets them all. */
export interface Candidate {
  readonly variant: VariantResult;
  readonly isReference: boolean;
  readonly checks: readonly LimitCheck[];
  readonly passes: boolean;
}

/** Those that ran, the smallest first. */
export function candidatesOf(
  variants: readonly VariantResult[],
  reference: string,
  limits: Limits,
): Candidate[] {
  const referenceRow = variants.find(({ name, status }) => name === reference && status === 'ok');
  return variants
    .filter(({ status }) => status === 'ok')
    .map((variant): Candidate => {
      const isReference = variant.name === reference;
      const checks = isReference ? [] : checkLimits(variant, referenceRow, limits);
      const isWithin =
        checks.some(({ verdict }) => verdict === 'met') &&
        checks.every(({ verdict }) => verdict !== 'broken');
      return { variant, isReference, checks, passes: isReference || isWithin };
    })
    .sort((a, b) => a.variant.file.bytes - b.variant.file.bytes);
}

/**
 * The one place that says which of several good variants to ship: the smallest, the fastest or the one that loses
 * least. The reference loses nothing by definition, so that for accuracy it is taken only where it is alone.
 * @param candidates the smallest first
 * @param speedOf tokens a second, 0 where it is not known
 */
export function preferred(
  candidates: readonly Candidate[],
  prefer: Preference,
  speedOf: (candidate: Candidate) => number = generationOf,
): Candidate | undefined {
  const [smallest] = candidates;
  switch (prefer) {
    case 'size':
      return smallest;
    case 'speed':
      return [...candidates].sort((a, b) => speedOf(b) - speedOf(a))[0];
    case 'accuracy':
      return (
        [...candidates].filter(({ isReference }) => !isReference).sort((a, b) => lossOf(a) - lossOf(b))[0] ??
        smallest
      );
  }
}

function generationOf({ variant: { speed } }: Candidate): number {
  return isAvailable(speed) && isAvailable(speed.generation) ? speed.generation.meanTps : 0;
}

function lossOf({ variant: { divergence } }: Candidate): number {
  return isAvailable(divergence) ? divergence.meanKld : Number.MAX_VALUE;
}
