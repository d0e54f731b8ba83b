import { arch, availableParallelism, platform, release } from 'node:os';
import { unavailableBecause } from '../schema/availability.ts';
import type { Machine } from '../schema/results.ts';
import { cpuName } from './cpu-name.ts';
import { machineMemory } from './memory.ts';

/** The machine as far as the operating system tells; bandwidth and engine are filled in when they are measured. */
export function describeMachine(): Machine {
  return {
    os: `${platform()} ${release()}`,
    arch: arch(),
    cpu: cpuName(),
    cores: availableParallelism(),
    // A container's limit, where it has one, is what its processes can have.
    memoryBytes: machineMemory().totalBytes,
    copyBandwidthBytesPerSecond: unavailableBecause('speed was not measured'),
    engine: unavailableBecause('no engine was started'),
  };
}
