import { cpus } from 'node:os';
import { join } from 'node:path';
import { packageJson } from '../util/package-files.ts';
import { textOf } from './small-file.ts';

/** data/arm-cores.json: names by implementer and part, as the registers MIDR_EL1 of the cores tell them. */
interface ArmCores {
  readonly implementers: Readonly<
    Record<string, { readonly name: string; readonly parts: Readonly<Record<string, string>> }>
  >;
}

/**
 * What the processor is called. Linux on ARM has no name for it, but the kind of every core: "4x Cortex-A76 +
 * 4x Cortex-A55", the kinds in the order of the cores from the last, where the fast ones are.
 * @param root where /proc is found
 */
export function cpuName(root = '/', platform = process.platform, arch = process.arch): string {
  const cpuinfo = platform === 'linux' || platform === 'android' ? textOf(join(root, 'proc/cpuinfo')) : null;
  if (cpuinfo !== null && (arch === 'arm64' || arch === 'arm')) {
    const kinds = armKinds(cpuinfo);
    if (kinds !== null) return kinds;
  }
  return /^model name\s*:\s*(.+)$/m.exec(cpuinfo ?? '')?.[1]?.trim() || cpus()[0]?.model.trim() || 'unknown';
}

function armKinds(cpuinfo: string): string | null {
  const counts = new Map<string, number>();
  for (const core of cpuinfo.split(/\n\s*\n/).toReversed()) {
    const implementer = fieldOf(core, 'CPU implementer');
    const part = fieldOf(core, 'CPU part');
    if (implementer === undefined || part === undefined) continue;
    const kind = nameOf(implementer, part);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  if (counts.size === 0) return null;
  return [...counts].map(([kind, count]) => `${count}x ${kind}`).join(' + ');
}

function fieldOf(core: string, name: string): string | undefined {
  return new RegExp(`^${name}\\s*:\\s*(0x[0-9a-f]+)`, 'im').exec(core)?.[1]?.toLowerCase();
}

/** A core that the table lacks keeps its numbers: two kinds are never one name. */
function nameOf(implementer: string, part: string): string {
  const { implementers } = packageJson('data/arm-cores.json') as ArmCores;
  const maker = implementers[implementer];
  return maker?.parts[part] ?? `${maker?.name ?? `implementer ${implementer}`} part ${part}`;
}
