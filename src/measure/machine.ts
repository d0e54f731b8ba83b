import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { unavailableBecause } from '../schema/availability.ts';
import type { Machine } from '../schema/results.ts';

/** The machine as far as the operating system tells; bandwidth and engine are filled in when they are measured. */
export function describeMachine(): Machine {
  return {
    os: `${platform()} ${release()}`,
    arch: arch(),
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    copyBandwidthBytesPerSecond: unavailableBecause('speed was not measured'),
    engine: unavailableBecause('no engine was started'),
  };
}
