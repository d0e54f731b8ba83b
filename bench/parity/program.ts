import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** GNU time says the largest resident set of a program and of what it started and waited for. */
const TIME = '/usr/bin/time';

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** From before it was started until it had ended. */
  readonly wallMs: number;
  /** null where there is no GNU time. */
  readonly peakBytes: number | null;
}

interface HowToRun {
  readonly env?: Readonly<Record<string, string>>;
  /** Lines go to stderr as they come instead of into `stderr`. */
  readonly loud?: boolean;
}

/**
 * Runs a program to its end.
 * @throws Error with the last lines it wrote when it does not end with 0
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { env = {}, loud = false }: HowToRun = {},
): Promise<Finished> {
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-parity-'));
  try {
    const report = join(folder, 'time.txt');
    const isTimed = process.platform === 'linux' && existsSync(TIME);
    const [program, all] = isTimed ? [TIME, ['-v', '-o', report, command, ...args]] : [command, [...args]];
    const started = performance.now();
    const child = spawn(program, all, {
      env: { ...process.env, ...env },
      stdio: ['ignore', loud ? process.stderr : 'pipe', loud ? 'inherit' : 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const code = await new Promise<number | string>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (exitCode, signal) => resolve(exitCode ?? signal ?? 'nothing'));
    });
    const wallMs = performance.now() - started;
    if (code !== 0) {
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-12).join('\n');
      throw new Error(`${[command, ...args].join(' ')} ended with ${code}:\n${said}`);
    }
    return { stdout, stderr, wallMs, peakBytes: isTimed ? peakOf(await readFile(report, 'utf8')) : null };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function peakOf(report: string): number | null {
  const kibibytes = /Maximum resident set size \(kbytes\): (\d+)/.exec(report)?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1024;
}
