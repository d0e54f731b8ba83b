import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a process holds besides its memory. */
export interface Leftovers {
  /** Open files, sockets and pipes; null where there is no /proc. */
  readonly openFiles: number | null;
  /** What keeps the event loop alive, by kind: sockets, timers, requests. */
  readonly resources: Readonly<Record<string, number>>;
  /** Processes that it started and that still run or were not waited for; null where there is no /proc. */
  readonly children: number | null;
  /** Entries of the folder for temporary files that bear the product's name. */
  readonly temporary: number;
  /** Listeners of the process object. */
  readonly listeners: number;
}

export function leftovers(): Leftovers {
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return {
    // One of them is the folder that is being read.
    openFiles: onLinux(() => readdirSync('/proc/self/fd').length - 1),
    resources,
    children: onLinux(childrenOfThis),
    temporary: readdirSync(tmpdir()).filter((name) => name.startsWith('quantscope-')).length,
    listeners: process
      .eventNames()
      .map((name) => process.listenerCount(name))
      .reduce((sum, count) => sum + count, 0),
  };
}

/** Resident and heap bytes after everything that is not held has been collected. */
export function settledMemory(): { readonly residentBytes: number; readonly heapBytes: number } {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What finalizers let go is collected by the second round.
  collect();
  collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { residentBytes: rss, heapBytes: heapUsed + external };
}

/** Each thread of a process has its own list: proc_pid_task(5). */
function childrenOfThis(): number {
  return readdirSync('/proc/self/task')
    .map((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' '))
    .reduce((sum, ids) => sum + ids.filter((id) => id.trim() !== '').length, 0);
}

function onLinux(count: () => number): number | null {
  return process.platform === 'linux' ? count() : null;
}
