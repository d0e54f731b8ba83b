import { type ChildProcess, execFile, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { cLibrary } from '../machine/c-library.ts';
import { packagePath } from '../util/package-files.ts';
import type { EngineInfo, GpuChoice } from './engine.ts';
import { EngineError } from './errors.ts';
import { isWritable, llamaFolder } from './local-builds.ts';
import type { WireError } from './messages.ts';
import { BUILD_TOOLS } from './missing-binary.ts';

const CHILD_MODULE = packagePath('dist/engine-build.js');

/** For ninja and make to end their compilers. */
const FAREWELL_MS = 5000;

export interface BuildOptions {
  /** `auto` is the best backend this machine has the tools for. */
  readonly gpu: GpuChoice;
  /** Each line of git, cmake and the compiler; `share` is how much is done by their own count, or null. */
  readonly onLine: (line: string, share: number | null) => void;
  /** Ends the compilers too. What was built until then is never used. */
  readonly signal?: AbortSignal;
}

/** What the child says last. */
export type BuildOutcome = { readonly built: EngineInfo } | { readonly failed: WireError };

/**
 * Compiles llama.cpp for this machine's own CPU from the source inside node-llama-cpp, in a process of its own, and
 * starts it once. Sessions take it from then on. Needs no network.
 * @returns the new build, as sessions will see it
 * @throws EngineError `engine/build-impossible`, `engine/build-failed`; the signal's reason when it is aborted
 */
export async function buildEngine({ gpu, onLine, signal }: BuildOptions): Promise<EngineInfo> {
  signal?.throwIfAborted();
  await checkTools();
  const child = fork(CHILD_MODULE, [gpu], {
    // A group of its own, so that npm, cmake and the compilers can be ended with it.
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
  });
  const faults: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface(stream).on('line', (line) => {
      if (/\berror\b|CMake Error|not found/i.test(line)) faults.push(line.trim());
      onLine(line, shareOf(line));
    });
  }
  let outcome: BuildOutcome | undefined;
  child.on('message', (message: BuildOutcome) => {
    outcome = message;
  });
  const stop = () => endTree(child);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const ended = await new Promise<string>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, raised) => resolve(raised ?? `code ${code}`));
    });
    signal?.throwIfAborted();
    if (outcome === undefined) throw buildFailed(faults[0] ?? `its process ended with ${ended}`);
    if ('failed' in outcome) throw buildFailed(faults[0] ?? outcome.failed.message);
    return outcome.built;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** What a build needs is looked for before anything is changed: node-llama-cpp would fetch cmake from the network. */
async function checkTools(): Promise<void> {
  const folder = llamaFolder();
  if (!existsSync(join(folder, 'gitRelease.bundle'))) {
    throw new EngineError('engine/build-impossible', `the source of llama.cpp is not in ${folder}`, {
      hint: 'Install node-llama-cpp again.',
    });
  }
  if (!(await isWritable(folder))) {
    throw new EngineError('engine/build-impossible', `${folder} cannot be written to`, {
      hint:
        'Builds lie inside node-llama-cpp: install quantscope in a folder of your own (npm install quantscope), or ' +
        'build as the user who owns this one.',
    });
  }
  const needed = process.platform === 'win32' ? ['git', 'cmake'] : ['git', 'cmake', 'c++'];
  const missing: string[] = [];
  for (const tool of needed) if (!(await runs(tool))) missing.push(tool);
  if (needed.includes('c++') && !(await runs('ninja')) && !(await runs('make'))) missing.push('make');
  if (missing.length > 0) {
    throw new EngineError('engine/build-impossible', `not installed or not on PATH: ${missing.join(', ')}`, {
      hint:
        BUILD_TOOLS[cLibrary() === 'musl' ? 'musl' : process.platform] ??
        'Install them with your system’s package manager.',
    });
  }
}

async function runs(tool: string): Promise<boolean> {
  return promisify(execFile)(tool, ['--version']).then(
    () => true,
    () => false,
  );
}

/** make's and ninja's own progress: `[ 42%] Building ...`, `[12/345] Building ...`. */
function shareOf(line: string): number | null {
  const [, percent, done, all] = /^\s*\[\s*(?:(\d+)%|(\d+)\/(\d+))\]/.exec(line) ?? [];
  if (percent !== undefined) return Number(percent) / 100;
  return done === undefined || all === undefined ? null : Number(done) / Number(all);
}

/** Ninja gives every compiler a group of its own, so that killing it outright would leave them running. */
function endTree({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  if (process.platform === 'win32') {
    execFile('taskkill', ['/pid', String(pid), '/t', '/f'], () => {});
    return;
  }
  signalGroup(pid, 'SIGTERM');
  setTimeout(() => signalGroup(pid, 'SIGKILL'), FAREWELL_MS).unref();
}

function signalGroup(pid: number, raised: NodeJS.Signals): void {
  try {
    process.kill(-pid, raised);
  } catch {
    // All of it has ended.
  }
}

function buildFailed(reason: string): EngineError {
  return new EngineError('engine/build-failed', `llama.cpp could not be compiled: ${reason}`, {
    hint: 'quantscope engine build --verbose shows all that cmake and the compiler say.',
  });
}
