import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A process so that another can tell whether it still runs. Names of machines say nothing: macOS changes them with the
 * network, containers share them.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Where and since when process numbers mean what they do; null where the system does not say. */
  readonly boot: string | null;
  /** When it began, as the system writes it: a number is given again. */
  readonly startedAt: string | null;
}

/** What of the system is asked; tests put another in its place. */
export interface ProcessTable {
  readonly platform: NodeJS.Platform;
  /** Where /proc is found. */
  readonly root: string;
  /** What a command prints; throws where it fails. */
  readonly run: (command: string, args: readonly string[]) => string;
  readonly isThere: (pid: number) => boolean;
}

const COMMAND_TIMEOUT_MS = 3000;

export const THIS_SYSTEM: ProcessTable = {
  platform: process.platform,
  root: '/',
  run: (command, args) =>
    execFileSync(command, args, {
      encoding: 'utf8',
      timeout: COMMAND_TIMEOUT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C' },
    }),
  isThere,
};

export function identityOf(pid: number, table = THIS_SYSTEM): ProcessIdentity {
  return { pid, boot: bootOf(table), startedAt: startOf(pid, table) };
}

/** Whether a process still runs, as far as another can tell; null where it is of another machine, container or boot. */
export function isRunning(
  { pid, boot, startedAt }: ProcessIdentity,
  asked: ProcessIdentity,
  table = THIS_SYSTEM,
): boolean | null {
  if (boot === null || boot !== asked.boot) return null;
  if (!table.isThere(pid)) return false;
  const now = startOf(pid, table);
  return startedAt === null || now === null || now === startedAt;
}

function bootOf({ platform, root, run }: ProcessTable): string | null {
  return told(() => {
    if (platform === 'linux') {
      const boot = readFileSync(join(root, 'proc/sys/kernel/random/boot_id'), 'utf8').trim();
      // Containers of one machine have process numbers of their own.
      return `${boot} ${readlinkSync(join(root, 'proc/self/ns/pid'))}`;
    }
    if (platform === 'darwin') return run('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid']).trim();
    if (platform !== 'win32') return null;
    // No id of the boot is to be had cheaply: a number that was given again then counts as running, until it is silent.
    const key = ['query', String.raw`HKLM\SOFTWARE\Microsoft\Cryptography`, '/v', 'MachineGuid'];
    return /MachineGuid\s+REG_SZ\s+(\S+)/.exec(run('reg', key))?.[1] ?? null;
  });
}

function startOf(pid: number, { platform, root, run }: ProcessTable): string | null {
  return told(() => {
    if (platform === 'linux') {
      const stat = readFileSync(join(root, `proc/${pid}/stat`), 'utf8');
      // Field 22, in ticks since the boot; the name, which may hold anything, ends at the last parenthesis.
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
    }
    return platform === 'darwin' ? run('/bin/ps', ['-o', 'lstart=', '-p', String(pid)]).trim() : null;
  });
}

function told(read: () => string | null): string | null {
  try {
    return read() || null;
  } catch {
    return null;
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // Someone else's process is there too.
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
}
