import { isAvailable } from '../schema/availability.ts';
import type { VariantResult } from '../schema/results.ts';

export interface Dominated {
  readonly variant: string;
  /** The variant that beats it: of several the smallest file. */
  readonly by: string;
}

/** A figure and what its measurement may be off by. */
interface Measured {
  readonly value: number;
  readonly noise: number;
}

/** What is lost, less being better. The two kinds are not comparable with each other. */
type Loss = Measured & { readonly kind: 'kld' | 'perplexity' };

interface Candidate {
  readonly name: string;
  readonly bytes: number;
  readonly speed: Measured;
  readonly kld: Loss | null;
  readonly perplexity: Loss | null;
}

/**
 * The variants that nobody should choose: another is at least as good in file size, generation speed and accuracy,
 * and better in one of them beyond noise. Two measured figures are equal within sqrt(noise_a² + noise_b²). Accuracy is
 * mean KLD, else perplexity. A variant that lacks one of the three is neither dominated nor dominates: a small file
 * without a speed may be a slow one.
 * @param reference name of the reference, whose KLD from itself is 0
 */
export function findDominated(variants: readonly VariantResult[], reference: string): Dominated[] {
  const candidates = variants.flatMap((variant) => candidateOf(variant, reference) ?? []);
  return candidates.flatMap((loser) => {
    const [best] = candidates
      .filter((winner) => dominates(winner, loser))
      .sort((a, b) => a.bytes - b.bytes || b.speed.value - a.speed.value);
    return best === undefined ? [] : [{ variant: loser.name, by: best.name }];
  });
}

function candidateOf(variant: VariantResult, reference: string): Candidate | null {
  const { name, file, speed, perplexity, status } = variant;
  if (status !== 'ok' || !isAvailable(speed) || !isAvailable(speed.generation)) return null;
  return {
    name,
    bytes: file.bytes,
    speed: { value: speed.generation.meanTps, noise: speed.generation.stddevTps },
    kld: kldOf(variant, reference),
    // Its error is the text's, which all variants share, and says nothing about their difference.
    perplexity: isAvailable(perplexity) ? { kind: 'perplexity', value: perplexity.value, noise: 0 } : null,
  };
}

function kldOf({ name, divergence }: VariantResult, reference: string): Loss | null {
  if (name === reference) return { kind: 'kld', value: 0, noise: 0 };
  if (!isAvailable(divergence)) return null;
  return { kind: 'kld', value: divergence.meanKld, noise: divergence.stderrKld };
}

function dominates(winner: Candidate, loser: Candidate): boolean {
  if (winner === loser) return false;
  const [winnerLoss, loserLoss] =
    winner.kld !== null && loser.kld !== null
      ? [winner.kld, loser.kld]
      : [winner.perplexity, loser.perplexity];
  if (winnerLoss === null || loserLoss === null) return false;
  const comparisons = [
    Math.sign(loser.bytes - winner.bytes),
    compareMeasured(winner.speed, loser.speed),
    compareMeasured(loserLoss, winnerLoss),
  ];
  return comparisons.every((sign) => sign >= 0) && comparisons.some((sign) => sign > 0);
}

/** 1 when a is larger than b beyond noise, -1 when smaller, 0 when they are equal within it. */
export function compareMeasured(a: Measured, b: Measured): number {
  const difference = a.value - b.value;
  return Math.abs(difference) <= Math.hypot(a.noise, b.noise) ? 0 : Math.sign(difference);
}
