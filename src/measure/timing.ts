import type { Disturbance } from '../schema/figures.ts';

/** A stretch of time in which nothing else should run on the machine. */
export interface Timing extends AsyncDisposable {
  /** What else the machine did since it began. */
  readonly disturbances: () => Promise<readonly Disturbance[]>;
}

/** Times something and says, as results do, what disturbed it. */
export async function timed<Result>(
  begin: (() => Promise<Timing>) | undefined,
  measure: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly disturbed: { disturbed?: Disturbance[] } }> {
  if (begin === undefined) return { result: await measure(), disturbed: {} };
  await using timing = await begin();
  const result = await measure();
  const disturbances = await timing.disturbances();
  return { result, disturbed: disturbances.length === 0 ? {} : { disturbed: [...disturbances] } };
}
