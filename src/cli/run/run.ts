import { randomInt } from 'node:crypto';
import { text as readAll } from 'node:stream/consumers';
import { openRunSession, type ReplySettings, type RunSession } from '../../api/run/session.ts';
import type { ChatMessage, Generation, GenerationStep } from '../../engine/engine.ts';
import { timingsOf } from '../../measure/timings.ts';
import { harmlessJson, visibleLines } from '../../report/inspection-text.ts';
import { describeBackend, describeTimings } from '../../report/run-timings.ts';
import { traceHead, traceStep, traceTail } from '../../report/run-trace.ts';
import type { RunResult, Trace } from '../../schema/run.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { modelsOnDisk } from '../model-files.ts';
import { terminalStyle } from '../style.ts';
import type { RunOptions } from './command.ts';

export interface RunRun {
  readonly ref: string;
  /** Empty where none was given; `-` is stdin. */
  readonly prompt: string;
  readonly options: RunOptions;
  readonly signal: AbortSignal;
}

/** The run command's work: a chat where there is a terminal and nothing was asked, else one reply. */
export async function runRun({ ref, prompt, options, signal }: RunRun): Promise<ExitCode> {
  const isChat = prompt === '' && process.stdin.isTTY === true;
  if (isChat && (options.json || options.trace)) {
    throw new UsageError(
      'run/no-prompt',
      `--${options.json ? 'json' : 'trace'} is for one reply, and there is no prompt`,
      {
        hint: `Write what to ask: quantscope run ${ref} "What is 3 plus 4?" --${options.json ? 'json' : 'trace'}`,
      },
    );
  }
  const question = isChat ? '' : await questionOf(prompt);
  const settings = settingsOf(options);
  if (!options.quiet && process.stderr.isTTY) process.stderr.write('loading the model …\r');
  const { yes, quiet } = options;
  const models = await modelsOnDisk([ref], { yes, quiet, signal });
  await using session = await openRunSession(ref, models, options, signal);
  if (!options.quiet && process.stderr.isTTY) process.stderr.write('\u001b[2K');
  if (isChat) {
    const { chat } = await import('./chat.ts');
    return await chat({ session, settings, options, signal });
  }
  const messages: ChatMessage[] = [{ role: 'user', content: question }];
  if (options.system !== undefined) messages.unshift({ role: 'system', content: options.system });
  await oneReply(session, messages, settings, options);
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

function settingsOf(options: RunOptions): ReplySettings {
  return {
    sampling: {
      temperature: options.greedy ? 0 : options.temperature,
      topK: options.topK,
      topP: options.topP,
      minP: options.minP,
      repeatPenalty: options.repeatPenalty,
      repeatLastTokens: options.repeatLast,
      seed: options.seed ?? randomInt(2 ** 31),
    },
    maxTokens: options.maxTokens ?? Number.MAX_SAFE_INTEGER,
    stopTexts: options.stop,
    candidates: options.trace ? options.candidates : 0,
  };
}

async function oneReply(
  session: RunSession,
  messages: readonly ChatMessage[],
  settings: ReplySettings,
  options: RunOptions,
): Promise<void> {
  const { stdout, stderr } = process;
  const prompt = await session.promptOf(messages);
  const steps: GenerationStep[] = [];
  const isTraced = options.trace === true && !options.json;
  const style = terminalStyle(stdout);
  const shown = stdout.isTTY ? visibleLines : (text: string) => text;
  const promptTokens = options.trace ? await tracedTokens(session, prompt.tokens) : [];
  const { modelMs, contextMs } = session;
  const head = { load: { modelMs, contextMs }, tokenizeMs: prompt.ms, prompt: promptTokens };
  if (isTraced) stdout.write(`${traceHead(head, style)}\n`);
  let told = 0;
  const generation = await session.reply(prompt.tokens, settings, (step) => {
    if (options.trace) steps.push(step);
    told += step.text.length;
    if (isTraced) stdout.write(`${traceStep(tracedStep(step), style, stdout.columns)}\n`);
    else if (!options.json) stdout.write(shown(step.text));
  });
  const timings = timingsOf(prompt.tokens.length, generation);
  const trace: Trace | undefined = options.trace ? { ...head, steps: steps.map(tracedStep) } : undefined;
  if (options.json) {
    stdout.write(`${harmlessJson(resultOf(session, settings, generation, timings, trace))}\n`);
    return;
  }
  if (trace !== undefined) stdout.write(`${traceTail(trace, generation, style)}\n`);
  else stdout.write(`${shown(generation.text.slice(told))}\n`);
  if (!options.quiet) {
    const said = describeTimings(timings, generation.stop, session.contextSize);
    stderr.write(`${terminalStyle(stderr).dim(said + describeBackend(session.engine))}\n`);
  }
}

async function tracedTokens(session: RunSession, tokens: Uint32Array): Promise<Trace['prompt']> {
  const pieces = await session.pieces(tokens);
  return Array.from(tokens, (id, index) => ({ id, text: pieces[index] ?? '' }));
}

function tracedStep(step: GenerationStep): Trace['steps'][number] {
  return {
    id: step.token,
    text: step.piece,
    evaluateMs: step.evaluateNs / 1e6,
    sampleMs: step.sampleNs / 1e6,
    detokenizeMs: step.detokenizeNs / 1e6,
    candidates: step.candidates.map(({ token, text, probability }) => ({
      id: token,
      text,
      // Sums of float32 weights may pass 1 by a rounding.
      probability: Math.min(1, probability),
    })),
  };
}

function resultOf(
  session: RunSession,
  { sampling, maxTokens }: ReplySettings,
  generation: Generation,
  timings: RunResult['timings'],
  trace: Trace | undefined,
): RunResult {
  const { ref, engine, contextSize, threads, promptThreads, gpuLayers, template } = session;
  const { text, tokens, stop } = generation;
  return {
    schema: SCHEMA_IDS.run,
    ref,
    engine,
    settings: {
      contextSize,
      threads,
      promptThreads,
      gpuLayers,
      maxTokens: Math.min(maxTokens, contextSize),
      ...sampling,
    },
    chatTemplate: template !== null,
    reply: { text, tokens: Array.from(tokens), stop },
    timings,
    ...(trace === undefined ? {} : { trace }),
  };
}
