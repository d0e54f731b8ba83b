import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { unavailableBecause } from '../../schema/availability.ts';
import type { FileReport } from '../../schema/validation.ts';
import { boundedStart } from '../../util/bounded-text.ts';
import { packagePath } from '../../util/package-files.ts';
import type { ValidateRequest } from './request.ts';

const CHILD_MODULE = packagePath('dist/own-process-worker.cjs');
/** What a header at the limits takes, rules and reports of it included, is half of it. */
const HEAP_MEBIBYTES = 512;
/** Real models have up to some two thousand tensors and a hundred keys. */
const MOST_TENSORS = 2 ** 13;
const MOST_KEYS = 2 ** 11;

/** The request as it is sent: all of it is JSON. */
export interface OwnProcessQuestion {
  readonly path: string;
  readonly request: Omit<ValidateRequest, 'signal' | 'confirm' | 'progress' | 'notice'>;
}

/** Whether so much is in a file's header that of many such files together more could come than there is memory. */
export async function isLarge(path: string): Promise<boolean> {
  const fixed = await boundedStart(path, 24).catch(() => Buffer.alloc(0));
  if (fixed.length < 24 || fixed.toString('latin1', 0, 4) !== 'GGUF') return false;
  return fixed.readBigUInt64LE(8) > MOST_TENSORS || fixed.readBigUInt64LE(16) > MOST_KEYS;
}

/**
 * Judges one file in a process of its own, whose death is a finding about that file and says nothing of the others.
 * @throws the signal's reason
 */
export async function judgeApart(
  ref: string,
  question: OwnProcessQuestion,
  signal: AbortSignal,
): Promise<FileReport> {
  const { fork } = await import('node:child_process');
  signal.throwIfAborted();
  const child = fork(CHILD_MODULE, [], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [`--max-old-space-size=${HEAP_MEBIBYTES}`],
  });
  const end = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  try {
    const report = await answerOf(child, question);
    signal.throwIfAborted();
    if (typeof report !== 'string') return { ...report, ref };
    return {
      ref,
      verdict: 'error',
      bytes: 0,
      sha256: null,
      content: unavailableBecause('the file cannot be judged'),
      diagnostics: [{ rule: 'file/unreadable', severity: 'error', message: report }],
    };
  } finally {
    signal.removeEventListener('abort', end);
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const ended = once(child, 'exit');
      end();
      await ended;
    }
  }
}

/** The report, or why there is none. */
function answerOf(child: ChildProcess, question: OwnProcessQuestion): Promise<FileReport | string> {
  return new Promise((resolve) => {
    child.once('message', (report: FileReport | string) => resolve(report));
    child.once('error', ({ message }) => resolve(`the process that judges it did not start: ${message}`));
    child.once('exit', (code, signal) =>
      resolve(
        `judging it ended its process (${signal ?? `exit code ${code}`}): it may have run out of memory`,
      ),
    );
    child.send(question, (failed) => failed !== null && child.kill('SIGKILL'));
  });
}
