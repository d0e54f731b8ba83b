import { randomInt } from 'node:crypto';
import type { ChatMessage, GenerationStep } from '../../engine/replies.ts';
import { timingsOf } from '../../measure/timings.ts';
import type { RunResult, Trace } from '../../schema/run.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { RUN_DEFAULTS, type RunRequest } from './request.ts';
import { openRunSession, type ReplySettings, type RunSession } from './session.ts';

/**
 * What `quantscope run --json` prints: one reply of the one model that a ref stands for, with its timings. The model is
 * loaded in a process of its own, and downloaded first where it is on the Hub.
 * @throws UsageError `run/several`, `input/unreadable` and what refs throw; EngineError; GgufError; the signal's reason
 */
export async function runPrompt(ref: string, prompt: string, request: RunRequest = {}): Promise<RunResult> {
  await using session = await openRunSession(ref, request);
  // Awaited here: the session ends when this function returns.
  return await replyTo(session, prompt, request);
}

/** How replies are drawn. Without a seed each call draws another. */
export function replySettings(asked: RunRequest): ReplySettings {
  const request = { ...RUN_DEFAULTS, ...asked };
  return {
    sampling: {
      temperature: request.greedy ? 0 : request.temperature,
      topK: request.topK,
      topP: request.topP,
      minP: request.minP,
      repeatPenalty: request.repeatPenalty,
      repeatLastTokens: request.repeatLast,
      seed: request.seed ?? randomInt(2 ** 31),
    },
    maxTokens: request.maxTokens ?? Number.MAX_SAFE_INTEGER,
    stopTexts: request.stop,
    candidates: request.trace ? request.candidates : 0,
  };
}

/** A loaded model's reply to one question. */
export async function replyTo(
  session: RunSession,
  question: string,
  request: RunRequest,
): Promise<RunResult> {
  const { system, trace: isTraced = false, onText, onPrompt, onStep } = request;
  const settings = replySettings(request);
  const messages: ChatMessage[] = [{ role: 'user', content: question }];
  if (system !== undefined) messages.unshift({ role: 'system', content: system });
  const prompt = await session.promptOf(messages);
  const { modelMs, contextMs } = session;
  const tokens = isTraced ? await tracedTokens(session, prompt.tokens) : [];
  const head = { load: { modelMs, contextMs }, tokenizeMs: prompt.ms, prompt: tokens };
  if (isTraced) onPrompt?.(head);
  const steps: Trace['steps'][number][] = [];
  let toldCharacters = 0;
  const generation = await session.reply(prompt.tokens, settings, (step) => {
    toldCharacters += step.text.length;
    onText?.(step.text);
    if (!isTraced) return;
    const traced = tracedStep(step);
    steps.push(traced);
    onStep?.(traced);
  });
  onText?.(generation.text.slice(toldCharacters));
  const { ref, engine, contextSize, threads, promptThreads, gpuLayers, template } = session;
  const { sampling, maxTokens } = settings;
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
    reply: { text: generation.text, tokens: Array.from(generation.tokens), stop: generation.stop },
    timings: timingsOf(prompt.tokens.length, generation),
    ...(isTraced ? { trace: { ...head, steps } } : {}),
  };
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
