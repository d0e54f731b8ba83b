import type { ContextOptions, EngineSession, LoadedModel } from '../engine/engine.ts';
import { unavailableBecause } from './availability.ts';
import { evictFromPageCache } from './page-cache.ts';
import type { TokenRead } from './rates.ts';
import type { Memory, Settings, Stage, VariantResult } from './results.ts';
import { measureSpeed, speedContextSize } from './speed.ts';
import { runTasks } from './task-run.ts';
import { summarizeTasks, type TaskItem } from './tasks.ts';
import { chunksOf, evaluateText, type TextPlan, type TextRole } from './text-evaluation.ts';

/** An ordinary first question of a chat, long enough that a phone's user would notice the wait. */
const FIRST_TOKEN_QUESTION =
  'I have an hour before guests arrive and some rice, eggs, tomatoes and cheese in the kitchen. ' +
  'What could I cook for four people, and in which order should I do things?';

export type Step = 'hash' | 'start' | 'load' | 'speed' | 'memory' | 'perplexity' | 'tasks';

export interface VariantPlan {
  readonly path: string;
  readonly stages: readonly Stage[];
  readonly settings: Settings;
  /** What evaluating one token reads, for the effective bandwidth. */
  readonly tokenRead: Pick<TokenRead, 'weightsBytes' | 'lookedUpBytes' | 'kvBytesPerToken'>;
  readonly chatTemplate: string | null;
  readonly text: string;
  readonly method: TextPlan['method'];
  readonly taskItems: readonly TaskItem[];
  /** The reference's answers; null where there are none. */
  readonly referenceOutcomes: readonly boolean[] | null;
  readonly isReference: boolean;
}

export interface VariantHooks {
  onStep(step: Step, done: number, total: number): void;
  /** A group of figures is complete. */
  onFigures(figures: Partial<VariantResult>): Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Loads, speed, the peak memory of just these, then the tasks, whose replies are many small evaluations like a
 * generation's. The session should have one worker.
 */
export async function measureVariant(
  session: EngineSession,
  plan: VariantPlan,
  hooks: VariantHooks,
): Promise<void> {
  const { settings } = plan;
  const wants = (stage: Stage) => plan.stages.includes(stage);
  const { model, question, timed } = await load(session, plan, hooks);
  if (wants('speed') || wants('memory')) {
    const speedPlan = wants('speed') ? settings : { ...settings, repetitions: 1 };
    const speed = await measureSpeed(session, model, speedPlan, question, plan.tokenRead, (done, total) =>
      hooks.onStep(wants('speed') ? 'speed' : 'memory', done, total),
    );
    if (wants('speed')) await hooks.onFigures({ speed });
    if (wants('memory')) await hooks.onFigures({ memory: await measureMemory(session, timed.contextSize) });
  }
  if (!wants('accuracy') || plan.taskItems.length === 0) return;
  hooks.onStep('tasks', 0, plan.taskItems.length);
  const { chatTemplate, taskItems, tokenRead } = plan;
  const outcomes = await runTasks(
    session,
    model,
    taskItems,
    chatTemplate,
    timed,
    tokenRead.kvBytesPerToken,
    (done, total) => hooks.onStep('tasks', done, total),
  );
  const tasks = summarizeTasks(taskItems, outcomes, plan.referenceOutcomes);
  const ownFlips = unavailableBecause('it is the reference that the others are compared with');
  await hooks.onFigures({ tasks: plan.isReference ? { ...tasks, flips: ownFlips } : tasks });
}

/**
 * Perplexity and divergence, in a session of its own: its buffers no phone would allocate, and its samplers want as
 * many workers as there are cores.
 * @param openRole opens this variant's side of the reference store, once the number of chunks is known
 */
export async function evaluateVariant(
  session: EngineSession,
  plan: VariantPlan,
  openRole: (chunks: number) => Promise<TextRole>,
  hooks: VariantHooks,
): Promise<void> {
  const { settings, text, method, path } = plan;
  const { contextSize, chunks } = settings.evaluation;
  const textPlan: TextPlan = { text, contextSize, chunks, method };
  const model = await session.loadModel({ path, gpuLayers: settings.gpuLayers });
  const planned = await chunksOf(session, model, textPlan);
  await session.openContext({ ...contextOptions(settings), contextSize });
  const role = await openRole(planned.chunks.length);
  hooks.onStep('perplexity', 0, planned.chunks.length);
  const { perplexity, divergence } = await evaluateText(session, planned, textPlan, role, (done, total) =>
    hooks.onStep('perplexity', done, total),
  );
  await hooks.onFigures({
    perplexity,
    divergence: divergence ?? unavailableBecause('there is no reference to compare with'),
  });
}

function contextOptions({
  batchSize,
  threads,
  flashAttention,
}: Settings): Omit<ContextOptions, 'contextSize'> {
  return { sequences: 1, batchSize, threads, flashAttention, keyType: 'f16', valueType: 'f16' };
}

interface Loaded {
  readonly model: LoadedModel;
  /** The question that is timed to its first token, tokenized. */
  readonly question: Uint32Array;
  /** The open context. */
  readonly timed: ContextOptions;
}

/** Loads and opens; when speed is asked for twice, first from the disk and then from memory. */
async function load(session: EngineSession, plan: VariantPlan, hooks: VariantHooks): Promise<Loaded> {
  const { path, settings, stages, chatTemplate } = plan;
  const once = async () => {
    const model = await session.loadModel({ path, gpuLayers: settings.gpuLayers });
    const question = await session.chatPrompt(
      [{ role: 'user', content: FIRST_TOKEN_QUESTION }],
      chatTemplate,
    );
    const contextSize = Math.max(speedContextSize(settings), question.length);
    const timed: ContextOptions = { ...contextOptions(settings), contextSize };
    const { openMs } = await session.openContext(timed);
    return { model, question, timed, ms: model.loadMs + openMs };
  };
  if (!stages.includes('speed')) return once();
  hooks.onStep('load', 0, 2);
  const notEvicted = await evictFromPageCache(path, hooks.signal);
  const cold = await once();
  hooks.onStep('load', 1, 2);
  await session.unload();
  const warm = await once();
  hooks.onStep('load', 2, 2);
  await hooks.onFigures({
    load: { coldMs: notEvicted === null ? cold.ms : unavailableBecause(notEvicted), warmMs: warm.ms },
  });
  return warm;
}

async function measureMemory(session: EngineSession, contextSize: number): Promise<Memory> {
  const { peakRssBytes, anonymousBytes } = await session.processMemory();
  const { weightsBytes, kvBytes, computeBytes, gpuBytes } = await session.engineMemory();
  return {
    peakRssBytes,
    anonymousBytes: anonymousBytes ?? unavailableBecause('only Linux tells anonymous memory apart'),
    weightsBytes,
    kvBytes: kvBytes ?? unavailableBecause('llama.cpp did not say'),
    computeBytes: computeBytes ?? unavailableBecause('llama.cpp did not say'),
    gpuBytes,
    contextSize,
  };
}
