import type { EngineSession, GpuChoice, StartEngine } from '../engine/engine.ts';
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

/** How its processes are started. */
export type Starting = Pick<MeasureEnvironment, 'startEngine' | 'callTimeoutMs' | 'signal'>;

/** Starts an engine of its own for what is measured next. */
export function startIn(
  { startEngine, callTimeoutMs, signal }: Starting,
  gpu: GpuChoice,
): Promise<EngineSession> {
  return startEngine({ gpu, callTimeoutMs, ...(signal ? { signal } : {}) });
}

/** The machine as results describe it, with the engine that was started. */
export function withEngine(machine: Machine, { info }: EngineSession): Machine {
  const { mathCores: _, gpuFreeBytes: __, ...engine } = info;
  return { ...machine, engine: { ...engine, devices: [...engine.devices] } };
}
