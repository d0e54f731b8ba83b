import { engineStarter } from '../engine/index.ts';
import { describeMachine } from '../machine/describe.ts';
import { watchMachine } from '../machine/watch.ts';
import type { MeasureEnvironment } from '../measure/environment.ts';
import type { Host } from './host.ts';
import { timingWith } from './timing.ts';

/**
 * This machine with its engine, for a run of measurements.
 * @param timeout seconds that any one step may take
 * @param lock whether what is timed waits for what other processes time
 */
export async function environmentHere(
  host: Required<Host>,
  timeout: number,
  lock?: boolean,
): Promise<MeasureEnvironment> {
  const machine = describeMachine();
  const watch = await watchMachine(machine.cores);
  return {
    startEngine: engineStarter(),
    callTimeoutMs: timeout * 1000,
    machine,
    watch,
    timing: timingWith(watch, host, lock),
    now: () => new Date(),
    signal: host.signal,
  };
}
