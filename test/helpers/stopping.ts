import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { BIN } from './cli.ts';

/** How a command ended after it was told to, or after what it reads was changed under it. */
export interface Stopped {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** From the signal, or the change, to its end; Infinity where it had to be killed. */
  readonly endedAfterMs: number;
  /** Processes of its own that were still there a moment after it. */
  readonly orphans: readonly string[];
  readonly stderr: string;
}

const MOST_WAIT_MS = 20_000;
/** For the system to take away what was killed. */
const REAPING_MS = 300;

/**
 * Runs the built program, does something to it after a while, and looks at what is left. Linux alone: its processes
 * are known by a mark in their environment, whoever their parent is by then.
 */
export async function interrupt(
  args: readonly string[],
  afterMs: number,
  act: (pid: number) => void | Promise<void>,
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Stopped> {
  const mark = `STOPPING_TEST=${randomUUID()}`;
  const child = spawn(process.execPath, [BIN, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...options.env, STOPPING_TEST: mark.slice(mark.indexOf('=') + 1) },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let endedAt = Number.POSITIVE_INFINITY;
  const ended = new Promise<void>((resolve) => {
    child.on('exit', () => {
      endedAt = performance.now();
      resolve();
    });
  });
  await Promise.race([ended, wait(afterMs)]);
  const actedAt = performance.now();
  if (child.exitCode === null && child.pid !== undefined) await act(child.pid);
  await Promise.race([ended, wait(MOST_WAIT_MS, undefined, { ref: false })]);
  const endedAfterMs = Math.max(0, endedAt - actedAt);
  let orphans = marked(mark);
  if (orphans.length > 0) {
    await wait(REAPING_MS);
    orphans = marked(mark);
  }
  for (const { pid } of orphans) process.kill(pid, 'SIGKILL');
  return {
    exitCode: child.exitCode,
    signal: child.signalCode,
    endedAfterMs,
    orphans: orphans.map(({ command }) => command),
    stderr,
  };
}

function marked(mark: string): { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(mark)) return [];
        return [
          {
            pid: Number(name),
            command: readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' '),
          },
        ];
      } catch {
        // It has ended, or is another user's.
        return [];
      }
    });
}
