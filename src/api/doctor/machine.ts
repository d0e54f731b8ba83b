import { arch, platform, release } from 'node:os';
import { type CoreLimit, usableCores } from '../../machine/cores.ts';
import { cpuName } from '../../machine/cpu-name.ts';
import { machineMemory } from '../../machine/memory.ts';
import { namedNumber, textOf } from '../../machine/small-file.ts';
import { watchMachine } from '../../machine/watch.ts';
import { measureCopyBandwidth } from '../../measure/copy-bandwidth.ts';
import { isAvailable, type Unavailable, unavailableBecause } from '../../schema/availability.ts';
import type { Check, Examined, MachineFacts } from '../../schema/doctor.ts';
import { messageOf } from '../../util/errors.ts';
import { formatBytes } from '../../util/units.ts';

/** package.json, `engines`. */
const OLDEST_NODE = [20, 19] as const;
/** Node and llama.cpp without a model take 150 to 250 MiB together, the embedded models some tens more. */
const LEAST_MEMORY_BYTES = 512 * 2 ** 20;
/** What the smallest model of the catalogue takes in 4 bits, with its cache. */
const LITTLE_MEMORY_BYTES = 2 * 2 ** 30;

/** Platform, Node, memory, its bandwidth, and what else the machine does. To be run before anything loads it. */
export async function examineMachine(signal: AbortSignal): Promise<Examined<MachineFacts>> {
  const { count: cores, limitedBy } = usableCores(null);
  const memory = machineMemory();
  const watch = await watchMachine(cores);
  const copyBandwidth = await copyBandwidthOf(cores, signal);
  const facts: MachineFacts = {
    os: `${platform()} ${release()}`,
    arch: arch(),
    node: process.versions.node,
    cpu: cpuName(),
    cores,
    coresLimitedBy: limitedBy,
    memoryBytes: memory.totalBytes,
    memoryLimitedBy: memory.limitedBy,
    availableMemoryBytes: memory.availableBytes,
    swap: swapOf(),
    copyBandwidthBytesPerSecond: copyBandwidth,
  };
  const warnings = (await watch.warnings()).map(
    ({ code, message, hint }): Check => ({
      id: code,
      label: 'machine',
      status: 'warning',
      message,
      fix: hint,
    }),
  );
  return { facts, checks: [...machineChecks(facts), ...warnings] };
}

/** What the facts mean for measuring. */
export function machineChecks(facts: MachineFacts): Check[] {
  const { os, arch: processor, node, cpu, cores, swap, copyBandwidthBytesPerSecond: copied } = facts;
  const limit = CORE_LIMITS[facts.coresLimitedBy];
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  return [
    fact('platform', `${os}, ${processor}`),
    isOld
      ? {
          id: 'node',
          label: 'Node',
          status: 'failed',
          message: `${node}, too old`,
          fix: `Install Node ${OLDEST_NODE.join('.')} or newer.`,
        }
      : fact('node', node, 'Node'),
    fact('cpu', `${cpu}, ${cores} core${cores === 1 ? '' : 's'} for this process${limit}`, 'CPU'),
    memoryCheck(facts),
    isAvailable(swap)
      ? fact('swap', `${formatBytes(swap.totalBytes)}, ${formatBytes(swap.freeBytes)} free`)
      : { ...fact('swap', `unknown: ${swap.reason}`), status: 'note' },
    isAvailable(copied)
      ? fact('bandwidth', `${(copied / 1e9).toFixed(1)} GB/s copied: what bounds the speed of generation`)
      : { ...fact('bandwidth', `unknown: ${copied.reason}`), status: 'note' },
  ];
}

/** What a limit is called behind the number of cores. */
const CORE_LIMITS: Readonly<Record<CoreLimit, string>> = {
  cores: '',
  'performance cores': ', the fast ones',
  affinity: ': its affinity allows no more, or they share cores',
  quota: ": the container's CPU quota",
};

function memoryCheck(facts: MachineFacts): Check {
  const { memoryBytes, memoryLimitedBy, availableMemoryBytes: available } = facts;
  const limit = memoryLimitedBy === 'container' ? " (the container's limit)" : '';
  const message = `${formatBytes(memoryBytes)}${limit}, ${formatBytes(available)} available`;
  const check = fact('memory', message);
  if (available < LEAST_MEMORY_BYTES) {
    return {
      ...check,
      status: 'failed',
      message: `${message}: less than the ${formatBytes(LEAST_MEMORY_BYTES)} that the embedded models need`,
      fix: 'End other programs, or give the container more memory.',
    };
  }
  if (available >= LITTLE_MEMORY_BYTES) return check;
  return {
    ...check,
    status: 'warning',
    message: `${message}: enough for small models`,
    fix: 'End other programs before larger models are measured; quantscope variants tells what each takes.',
  };
}

/** A line that needs nothing done. */
export function fact(id: string, message: string, label = id): Check {
  return { id, label, status: 'ok', message, fix: null };
}

async function copyBandwidthOf(cores: number, signal: AbortSignal): Promise<number | Unavailable> {
  // The measurement takes 256 MiB itself.
  if (machineMemory().availableBytes < LEAST_MEMORY_BYTES)
    return unavailableBecause('too little memory to measure it');
  try {
    return await measureCopyBandwidth(cores, signal);
  } catch (thrown) {
    signal.throwIfAborted();
    return unavailableBecause(messageOf(thrown));
  }
}

function swapOf(): MachineFacts['swap'] {
  if (platform() !== 'linux') return unavailableBecause(`not read on ${platform()}`);
  const meminfo = textOf('/proc/meminfo');
  const [totalBytes, freeBytes] = ['SwapTotal', 'SwapFree'].map(
    (name) => (namedNumber(meminfo, name) ?? Number.NaN) * 1024,
  );
  return totalBytes === undefined || freeBytes === undefined || !Number.isFinite(totalBytes + freeBytes)
    ? unavailableBecause('/proc/meminfo does not say')
    : { totalBytes, freeBytes };
}
