import { isAvailable } from '../schema/availability.ts';
import type { Machine } from '../schema/results.ts';
import { formatBytes } from '../util/units.ts';

/** What a kernel and a hypervisor keep for themselves varies from one start to the next. */
const MEMORY_SHARE = 0.02;

/**
 * In what two descriptions cannot be of one machine, field by field; empty where they can. This is the one rule by
 * which results are put together and compared. A patch of the kernel, a new llama.cpp and another release of this
 * program are what one machine is measured again for, so they are not looked at; neither is the bandwidth, which is
 * measured. What one side does not know cannot differ.
 * @returns such as `cpu AMD EPYC there, Apple M2 here`
 */
export function machineDifferences(here: Machine, there: Machine): string[] {
  const [mine, theirs] = [factsOf(here), factsOf(there)];
  const differing = Object.keys(mine)
    .filter((name) => mine[name] !== null && theirs[name] !== null && mine[name] !== theirs[name])
    .map((name) => `${name} ${theirs[name]} there, ${mine[name]} here`);
  const [less, more] = [here.memoryBytes, there.memoryBytes].sort((a, b) => a - b);
  if (less === undefined || more === undefined || more - less <= MEMORY_SHARE * more) return differing;
  return [
    ...differing,
    `memory ${formatBytes(there.memoryBytes)} there, ${formatBytes(here.memoryBytes)} here`,
  ];
}

export function isSameMachine(one: Machine, other: Machine): boolean {
  return machineDifferences(one, other).length === 0;
}

function factsOf({
  os,
  arch,
  cpu,
  cores,
  engine,
}: Machine): Readonly<Record<string, string | number | null>> {
  const known = isAvailable(engine) ? engine : null;
  return {
    system: os.split(' ')[0] ?? os,
    architecture: arch,
    cpu,
    cores,
    backend: known?.backend ?? null,
    // Of the CPU alone they say nothing that is not said above.
    GPUs: known === null || known.backend === 'cpu' ? null : known.devices.join(' + '),
  };
}
