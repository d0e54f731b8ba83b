import type { ChildProcess, fork as Fork } from 'node:child_process';
import { packagePath } from '../util/package-files.ts';

/** What a thread in a process of guarded-child.ts answers to a question; `rendered` is the last. */
export type GuardedAnswer =
  /** From here on the time is measured, anew for each. `plainMs` is what something plain took in this process. */
  | { readonly id: number; readonly step: 'begun'; readonly plainMs?: number }
  | { readonly id: number; readonly step: 'rendered' }
  /** It took more than it is given. */
  | { readonly id: number; readonly step: 'ended'; readonly reason: string };

const CHILD_MODULE = packagePath('dist/guarded-child.cjs');
/** The process watches its own time; this is for one that does not come up, on however busy a machine. */
const SILENCE_MS = 60_000;

/** What the thread may take, over what its process takes before. */
export interface GuardedLimits {
  readonly heapMebibytes: number;
  /** Of the whole process, llama.cpp’s renderer included. */
  readonly residentMebibytes: number;
  /** Of the processor’s time. */
  readonly leastLimitMs: number;
}

/** @param worker the module of the thread, in the package */
export function startGuarded(fork: typeof Fork, worker: string, limits: GuardedLimits): ChildProcess {
  const { heapMebibytes, residentMebibytes, leastLimitMs } = limits;
  return fork(CHILD_MODULE, [worker, ...[heapMebibytes, residentMebibytes, leastLimitMs].map(String)], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [],
    serialization: 'advanced',
  });
}

/**
 * Asks a question, and ends the process where the last answer does not come.
 * @param onAnswer told each answer
 * @returns why the last answer did not come; null where it did
 */
export function askGuarded<Answer extends { readonly id: number; readonly step: string }>(
  child: ChildProcess,
  question: { readonly id: number },
  onAnswer: (answer: Answer) => void,
): Promise<string | null> {
  return new Promise((resolve) => {
    const finish = (ended: string | null): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('close', onClose);
      child.off('error', onClose);
      if (ended !== null) child.kill('SIGKILL');
      resolve(ended);
    };
    const onClose = (): void => finish('rendering it ended its process: out of memory, or of stack');
    const onMessage = (answer: GuardedAnswer): void => {
      if (answer.id !== question.id) return;
      // What the thread adds to its answers is between it and who asks.
      onAnswer(answer as unknown as Answer);
      if (answer.step === 'ended') finish(answer.reason);
      if (answer.step === 'rendered') finish(null);
    };
    const timer = setTimeout(() => finish(`no answer within ${SILENCE_MS / 1000} s`), SILENCE_MS);
    child.on('message', onMessage);
    child.on('close', onClose);
    child.on('error', onClose);
    child.send(question, (fault) => {
      if (fault !== null) onClose();
    });
  });
}
