import type { StartEngine } from '../engine/engine.ts';
import type { MachineWatch } from '../machine/watch.ts';
import type { Machine } from '../schema/results.ts';
import type { Timing } from './timing.ts';

/** What every run of measurements is given: the engine, the machine, and its clock. */
export interface MeasureEnvironment {
  readonly startEngine: StartEngine;
  readonly callTimeoutMs: number;
  readonly machine: Machine;
  /** Says what else the machine did meanwhile. */
  readonly watch: MachineWatch;
  /** Around what is timed. */
  readonly timing?: () => Promise<Timing>;
  readonly now: () => Date;
  readonly signal?: AbortSignal;
}
