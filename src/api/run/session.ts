import { availableParallelism } from 'node:os';
import type { ContextOptions, EngineSession, LoadedModel } from '../../engine/engine.ts';
import { startEngineProcess } from '../../engine/index.ts';
import type { ChatMessage, Generation, GenerationStep, Sampling } from '../../engine/replies.ts';
import { chatTemplate, type GgufHeader } from '../../gguf/index.ts';
import { machineMemory } from '../../machine/memory.ts';
import { findThreads } from '../../measure/threads.ts';
import type { RunResult } from '../../schema/run.ts';
import { hostOf } from '../host.ts';
import { readInput } from '../input-file.ts';
import { oneModelFor } from '../local-models.ts';
import { ropeNotice } from '../rope-notice.ts';
import { beyondTraining, requireMemory } from './context-size.ts';
import { RUN_DEFAULTS, type RunRequest } from './request.ts';

/** The default context: what a chat of some length needs, and no more memory than that. */
const USUAL_CONTEXT = 4096;
const BATCH_SIZE = 512;
/** Of the tokens that a search for the best threads evaluates. */
const SEARCH_SEED = 1;

/** What one run may change while it runs: a chat's `/set`. */
export interface ReplySettings {
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly stopTexts: readonly string[];
  readonly candidates: number;
}

/** A loaded model that answers. */
export interface RunSession extends AsyncDisposable {
  readonly ref: string;
  readonly engine: RunResult['engine'];
  readonly contextSize: number;
  readonly threads: number;
  readonly promptThreads: number;
  readonly gpuLayers: LoadedModel['layers'];
  readonly modelMs: number;
  readonly contextMs: number;
  /** null where the prompt goes to the model as it is. */
  readonly template: string | null;
  /** The tokens of a conversation, and how long making them took. */
  promptOf(messages: readonly ChatMessage[]): Promise<{ readonly tokens: Uint32Array; readonly ms: number }>;
  /** A text alone, without BOS or template. */
  tokensOf(text: string): Promise<Uint32Array>;
  pieces(tokens: Uint32Array): Promise<readonly string[]>;
  reply(
    prompt: Uint32Array,
    settings: ReplySettings,
    onStep: (step: GenerationStep) => void,
    signal?: AbortSignal,
  ): Promise<Generation>;
}

/**
 * Loads the one model that a ref stands for, in a process of its own.
 * @throws UsageError `run/several`, `context/too-large`, `input/unreadable`, what refs throw; EngineError; GgufError
 */
export async function openRunSession(ref: string, asked: RunRequest = {}): Promise<RunSession> {
  const options = { ...RUN_DEFAULTS, ...asked };
  const host = hostOf(asked);
  const { signal } = host;
  const file = await oneModelFor(ref, 'run', host);
  const { header } = await file.header(signal);
  const template = await templateOf(header, options);
  if (template === null && !options.raw) {
    host.notice(
      `note: ${file.ref} has no chat template: it goes on with the text, as base models do (--template gives it one)`,
    );
  }
  const { context } = options;
  host.progress({ kind: 'step', subject: 'loading the model', stage: '', done: 0, total: 1 });
  const session = await startEngineProcess({
    gpu: options.gpu,
    callTimeoutMs: options.timeout * 1000,
    signal,
  });
  try {
    if (context !== undefined) {
      const { gpuFreeBytes } = session.info;
      // Layers that a GPU has no room for are the CPU's only where they are counted.
      const freeBytes =
        gpuFreeBytes !== null && options.gpuLayers === 'max' ? gpuFreeBytes : machineMemory().availableBytes;
      requireMemory(header, { contextSize: context, cacheType: options.cacheType, freeBytes });
      const beyond = beyondTraining(header, context);
      if (beyond !== null) host.notice(beyond);
    }
    const model = await session.loadModel({ path: file.path, gpuLayers: options.gpuLayers });
    const contextSize = context ?? Math.min(USUAL_CONTEXT, model.trainContextSize);
    const contextOptions = {
      sequences: 1,
      batchSize: BATCH_SIZE,
      flashAttention: 'auto',
      keyType: options.cacheType,
      valueType: options.cacheType,
    } as const;
    const rope = ropeNotice(header, [contextSize]);
    if (rope !== null) host.notice(rope);
    const counts = await threadsFor(session, model, contextOptions, options.threads);
    const opened = await session.openContext({ ...contextOptions, ...counts, contextSize });
    host.progress({ kind: 'idle' });
    const withBos = (tokens: Uint32Array) =>
      model.addsBos && model.bosToken !== null ? Uint32Array.of(model.bosToken, ...tokens) : tokens;
    const { version, llamaCpp, build, backend, devices, gpuFallback } = session.info;
    return {
      ref: file.ref,
      engine: {
        version,
        llamaCpp,
        build,
        backend,
        devices: [...devices],
        ...(gpuFallback === undefined ? {} : { gpuFallback }),
      },
      contextSize,
      ...counts,
      gpuLayers: model.layers,
      modelMs: model.loadMs,
      contextMs: opened.openMs,
      template,
      async promptOf(messages) {
        const started = performance.now();
        const tokens =
          template === null
            ? withBos(await session.tokenize(messages.map(({ content }) => content).join('\n'), true))
            : await session.chatPrompt(messages, template);
        return { tokens, ms: performance.now() - started };
      },
      tokensOf: (text) => session.tokenize(text, true),
      pieces: (tokens) => session.pieces(tokens),
      reply: (prompt, settings, onStep, stop) =>
        session.generate(
          { prompt, ...settings },
          { onStep, ...(stop === undefined ? {} : { signal: stop }) },
        ),
      [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    };
  } catch (thrown) {
    host.progress({ kind: 'idle' });
    await session[Symbol.asyncDispose]();
    throw thrown;
  }
}

/**
 * The same counts for prompt and reply unless they are to be found: a search is short runs of each count, which on a
 * phone-sized model takes longer than most replies, so that it is done only when asked for.
 */
async function threadsFor(
  session: EngineSession,
  model: LoadedModel,
  options: Omit<ContextOptions, 'contextSize' | 'threads' | 'promptThreads'>,
  asked: RunRequest['threads'],
): Promise<{ readonly threads: number; readonly promptThreads: number }> {
  if (asked !== 'auto') {
    const threads = asked ?? session.info.mathCores;
    return { threads, promptThreads: threads };
  }
  const found = await findThreads(session, model, options, availableParallelism(), SEARCH_SEED);
  const { promptThreads, generationThreads } = found;
  return { threads: generationThreads, promptThreads };
}

async function templateOf(header: GgufHeader, { raw, template }: RunRequest): Promise<string | null> {
  if (raw) return null;
  if (template !== undefined) return readInput(template, '--template', 'a file with a Jinja chat template');
  return chatTemplate(header) ?? null;
}
