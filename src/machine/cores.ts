import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { controlGroups } from './control-groups.ts';
import { namesIn, numberOf, numbersOfList, textOf } from './small-file.ts';

/** What decided how many cores a process may use. */
export type CoreLimit = 'cores' | 'performance cores' | 'affinity' | 'quota';

export interface UsableCores {
  readonly count: number;
  readonly limitedBy: CoreLimit;
}

/** Cores slower than this share of the fastest are efficiency cores: each step of work waits for the slowest. */
const FAST_SHARE = 0.7;

/**
 * Physical cores that this process can keep busy at once: more threads than that stand in each other's way, and under
 * a quota stop one another for most of each period.
 * @param asked by llama.cpp's own count, which knows the performance cores of x64 and macOS; null without one
 * @param root where /proc and /sys are found
 */
export function usableCores(asked: number | null, root = '/', platform = process.platform): UsableCores {
  const all = asked ?? availableParallelism();
  if (platform !== 'linux') return { count: all, limitedBy: 'cores' };
  const allowed = allowedCpus(root);
  const physical = physicalCores(allowed, root);
  const fast = physicalCores(fastCpus(allowed, root), root);
  const limits: readonly UsableCores[] = [
    { count: all, limitedBy: 'cores' },
    { count: physical, limitedBy: 'affinity' },
    { count: fast, limitedBy: 'performance cores' },
    { count: quotaCores(root) ?? Number.POSITIVE_INFINITY, limitedBy: 'quota' },
  ];
  // The first of equals is named: a limit decides only where it takes something away.
  const least = limits.reduce((best, limit) => (limit.count < best.count ? limit : best));
  return { ...least, count: Math.max(1, least.count) };
}

/**
 * Cores' worth of time that the control groups allow, rounded up; null without a quota. Each group around this one can
 * have its own.
 */
export function quotaCores(root = '/'): number | null {
  const groups = controlGroups('cpu', root);
  const quotas = (groups?.folders ?? []).flatMap((folder) => {
    const [quota, period] =
      groups?.version === 2
        ? (textOf(join(folder, 'cpu.max')) ?? '').split(' ').map(Number)
        : [numberOf(join(folder, 'cpu.cfs_quota_us')), numberOf(join(folder, 'cpu.cfs_period_us'))];
    // "max" and -1 are no quota.
    return quota && period && quota > 0 && period > 0 ? [Math.ceil(quota / period)] : [];
  });
  return quotas.length === 0 ? null : Math.min(...quotas);
}

/** Logical CPUs that this process may run on. */
function allowedCpus(root: string): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(textOf(join(root, 'proc/self/status')) ?? '')?.[1];
  if (list !== undefined) return numbersOfList(list);
  return Array.from({ length: availableParallelism() }, (_, index) => index);
}

/** CPUs that share a core are counted once. */
function physicalCores(cpus: readonly number[], root: string): number {
  const cores = cpus.map((cpu) => {
    const topology = join(root, `sys/devices/system/cpu/cpu${cpu}/topology`);
    return textOf(join(topology, 'core_cpus_list')) ?? textOf(join(topology, 'thread_siblings_list')) ?? cpu;
  });
  return new Set(cores).size;
}

/** Of cores with different capacities, as ARM's kernels tell them, the fast ones; else all. */
function fastCpus(cpus: readonly number[], root: string): readonly number[] {
  const folder = join(root, 'sys/devices/system/cpu');
  if (!namesIn(join(folder, `cpu${cpus[0]}`)).includes('cpu_capacity')) return cpus;
  const capacities = new Map(cpus.map((cpu) => [cpu, numberOf(join(folder, `cpu${cpu}/cpu_capacity`)) ?? 0]));
  const fastest = Math.max(...capacities.values());
  return cpus.filter((cpu) => (capacities.get(cpu) ?? 0) >= FAST_SHARE * fastest);
}
