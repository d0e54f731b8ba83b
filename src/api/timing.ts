import type { MachineWatch } from '../machine/watch.ts';
import type { Timing } from '../measure/timing.ts';

/** Watches what else the machine does while something is timed. */
export function timingWith(watch: MachineWatch): () => Promise<Timing> {
  return async () => {
    const disturbances = await watch.timing();
    return { disturbances, [Symbol.asyncDispose]: async () => {} };
  };
}
