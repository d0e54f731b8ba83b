import type { Speed } from '../schema/figures.ts';
import type { ComparisonVariant } from './comparison-rows.ts';
import { pooledSpeed } from './pool-runs.ts';

export interface TurnSteps {
  /** @returns whether the variant is to be timed */
  readonly begin: (variant: ComparisonVariant) => Promise<boolean>;
  /** One repetition, as a run of its own; null where it gave no speed. */
  readonly time: (variant: ComparisonVariant, turn: number) => Promise<Speed | null>;
  /** @throws what is no failure of the variant's own, such as the signal's reason */
  readonly fail: (variant: ComparisonVariant, thrown: unknown) => void;
}

/**
 * Times the variants in turns, one repetition each, so that a drift of the machine's speed hits all alike. Every second
 * turn goes the other way round: then a steady drift has slowed the last of a turn as much as the first, over both.
 * A variant that fails has no more turns.
 */
export async function timeInTurns(
  variants: readonly ComparisonVariant[],
  turns: number,
  { begin, time, fail }: TurnSteps,
): Promise<Map<ComparisonVariant, Speed>> {
  const timed = new Map<ComparisonVariant, Speed[]>();
  for (let turn = 0; turn < turns; turn++) {
    for (const variant of turn % 2 === 0 ? variants : variants.toReversed()) {
      try {
        if (turn === 0 && (await begin(variant))) timed.set(variant, []);
        const own = timed.get(variant);
        if (own === undefined) continue;
        const speed = await time(variant, turn);
        if (speed === null) timed.delete(variant);
        else own.push(speed);
      } catch (thrown) {
        fail(variant, thrown);
        timed.delete(variant);
      }
    }
  }
  const pooled = [...timed].map(([variant, speeds]) => [variant, pooledSpeed(speeds)] as const);
  return new Map(pooled.flatMap(([variant, speed]) => (speed === null ? [] : [[variant, speed]])));
}
