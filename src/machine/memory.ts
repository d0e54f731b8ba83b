import { execFileSync } from 'node:child_process';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { controlGroups } from './control-groups.ts';
import { namedNumber, numberOf, textOf } from './small-file.ts';

/** What a process can have of this machine's memory. */
export interface MachineMemory {
  /** What the machine has, or the limit of the container where that is less. */
  readonly totalBytes: number;
  /** What can be taken without swapping: free, and what is held by copies of files that can be let go. */
  readonly availableBytes: number;
  /** Whose limit `totalBytes` is. */
  readonly limitedBy: 'machine' | 'container';
}

const KIB = 1024;
/** Version 1 of control groups writes "no limit" as the largest multiple of a page below 2^63. */
const NO_LIMIT = 2 ** 60;
const COMMAND_TIMEOUT_MS = 3000;

/** How the parts are read; replaced where another machine is played. */
export interface MemorySource {
  readonly platform?: NodeJS.Platform;
  /** Where /proc and /sys are found. */
  readonly root?: string;
  /** What macOS's `vm_stat` prints; null where it cannot be run. */
  readonly vmStat?: () => string | null;
}

/**
 * Node counts a container's copies of files as taken (process.availableMemory, libuv 1.46) and on macOS free pages
 * alone, so that a healthy machine looks full once a model was read.
 */
export function machineMemory({
  platform = process.platform,
  root = '/',
  vmStat = runVmStat,
}: MemorySource = {}): MachineMemory {
  if (platform === 'linux') return linuxMemory(root);
  const available = platform === 'darwin' ? reclaimableOf(vmStat()) : null;
  return {
    totalBytes: totalmem(),
    availableBytes: available ?? process.availableMemory(),
    limitedBy: 'machine',
  };
}

function linuxMemory(root: string): MachineMemory {
  const meminfo = textOf(join(root, 'proc/meminfo'));
  let totalBytes = kib(namedNumber(meminfo, 'MemTotal')) ?? totalmem();
  let availableBytes = kib(namedNumber(meminfo, 'MemAvailable')) ?? process.availableMemory();
  let limitedBy: MachineMemory['limitedBy'] = 'machine';
  const groups = controlGroups('memory', root);
  for (const folder of groups?.folders ?? []) {
    const [limitFile, usageFile, prefix] =
      groups?.version === 2
        ? ['memory.max', 'memory.current', '']
        : ['memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_'];
    const limit = numberOf(join(folder, limitFile));
    const usage = numberOf(join(folder, usageFile));
    if (limit === null || usage === null || limit >= NO_LIMIT) continue;
    const stat = textOf(join(folder, 'memory.stat'));
    // Pages of files can be let go at any time, those not used of late at no cost.
    const files = ['inactive_file', 'active_file'].map((name) => namedNumber(stat, `${prefix}${name}`) ?? 0);
    const held = Math.max(0, usage - files.reduce((sum, bytes) => sum + bytes, 0));
    availableBytes = Math.min(availableBytes, Math.max(0, limit - held));
    if (limit >= totalBytes) continue;
    totalBytes = limit;
    limitedBy = 'container';
  }
  return { totalBytes, availableBytes, limitedBy };
}

/** Pages that macOS gives to whoever asks: free ones, and those whose content is on disk or no longer wanted. */
function reclaimableOf(vmStat: string | null): number | null {
  const pageBytes = Number(/page size of (\d+) bytes/.exec(vmStat ?? '')?.[1] ?? Number.NaN);
  const kinds = ['free', 'inactive', 'speculative', 'purgeable'];
  const pages = kinds.map((kind) => namedNumber(vmStat, `Pages ${kind}`) ?? Number.NaN);
  const sum = pageBytes * pages.reduce((total, count) => total + count, 0);
  return Number.isFinite(sum) ? Math.min(sum, totalmem()) : null;
}

function runVmStat(): string | null {
  try {
    return execFileSync('vm_stat', { encoding: 'utf8', timeout: COMMAND_TIMEOUT_MS });
  } catch {
    return null;
  }
}

function kib(count: number | null): number | null {
  return count === null ? null : count * KIB;
}
