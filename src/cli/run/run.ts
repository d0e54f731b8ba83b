import { text as readAll } from 'node:stream/consumers';
import { replyTo } from '../../api/run/reply.ts';
import type { RunRequest } from '../../api/run/request.ts';
import { openRunSession, type RunSession } from '../../api/run/session.ts';
import { harmlessJson, visibleLines } from '../../report/inspection-text.ts';
import { describeBackend, describeTimings } from '../../report/run-timings.ts';
import { traceHead, traceStep, traceTail } from '../../report/run-trace.ts';
import { UsageError } from '../../util/errors.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import { type DocumentOptions, terminalHost } from '../terminal.ts';

export type RunOptions = RunRequest & DocumentOptions;

/**
 * A chat where there is a terminal and nothing was asked, else one reply.
 * @param prompt empty where none was given; `-` is stdin
 */
export async function runModel(
  ref: string,
  prompt: string,
  options: RunOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const isChat = prompt === '' && process.stdin.isTTY === true;
  const oneReply = options.json ? '--json' : options.trace ? '--trace' : undefined;
  if (isChat && oneReply !== undefined) {
    throw new UsageError('run/no-prompt', `${oneReply} is for one reply, and there is no prompt`, {
      hint: `Write what to ask: quantscope run ${ref} "What is 3 plus 4?" ${oneReply}`,
    });
  }
  const question = isChat ? '' : await questionOf(prompt);
  using terminal = terminalHost(options, signal);
  await using session = await openRunSession(ref, { ...options, ...terminal });
  if (isChat) {
    const { chat } = await import('./chat.ts');
    return await chat({ session, options, signal });
  }
  await printReply(session, question, options);
  return EXIT.done;
}

async function questionOf(prompt: string): Promise<string> {
  const question =
    prompt === '' || prompt === '-' ? (await readAll(process.stdin)).replace(/\n$/, '') : prompt;
  if (question !== '') return question;
  throw new UsageError('run/no-prompt', 'there is no prompt: none was given and stdin is empty', {
    hint: 'Write it after the ref: quantscope run nano:Q4_K_M "What is 3 plus 4?"',
  });
}

/** Prints the reply as it comes, or how it comes about, or at its end the whole result as JSON. */
async function printReply(session: RunSession, question: string, options: RunOptions): Promise<void> {
  const { stdout, stderr } = process;
  const style = terminalStyle(stdout);
  const shown = stdout.isTTY ? visibleLines : (text: string) => text;
  const print = (text: string) => stdout.write(`${text}\n`);
  if (options.json) {
    print(harmlessJson(await replyTo(session, question, options)));
    return;
  }
  const { reply, timings, trace } = await replyTo(session, question, {
    ...options,
    ...(options.trace
      ? {
          onPrompt: (prompt) => print(traceHead(prompt, style)),
          onStep: (step) => print(traceStep(step, style, stdout.columns)),
        }
      : { onText: (text: string) => stdout.write(shown(text)) }),
  });
  print(trace === undefined ? '' : traceTail(trace, reply, style));
  if (options.quiet) return;
  const summary = describeTimings(timings, reply.stop, session.contextSize);
  stderr.write(`${terminalStyle(stderr).dim(summary + describeBackend(session.engine))}\n`);
}
