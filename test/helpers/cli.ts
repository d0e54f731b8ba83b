import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The program as it is installed. */
export const BIN = fileURLToPath(new URL('../../bin/quantscope.js', import.meta.url));

export interface CliResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Called with the process's id as soon as it runs. */
  readonly onStart?: (pid: number) => void;
  /** Called with all of stderr so far and the process, at every piece of it. */
  readonly onStderr?: (stderr: string, pid: number) => void;
}

/** Runs the built program as a user would, without a terminal. */
export function quantscope(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      // A test that gives up must not leave its program running beside the next.
      timeout: options.timeoutMs ?? 110_000,
      killSignal: 'SIGKILL',
    });
    if (child.pid !== undefined) options.onStart?.(child.pid);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      if (child.pid !== undefined) options.onStderr?.(stderr, child.pid);
    });
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
}

/** A folder of its own for a test, removed when it goes out of scope. */
export async function scratchFolder(): Promise<
  AsyncDisposable & { path: (name: string) => string; folder: string }
> {
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-test-'));
  return {
    folder,
    path: (name) => join(folder, name),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
