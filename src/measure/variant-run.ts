import type { ContextOptions, EngineSession, LoadedModel } from '../engine/engine.ts';
import { unavailableBecause } from '../schema/availability.ts';
import type { Settings, VariantResult } from '../schema/results.ts';
import type { AnswerKind, EvaluationPart, Stage } from '../schema/terms.ts';
import { runChoices } from './choice-run.ts';
import type { ChoiceItem } from './choices.ts';
import type { EvaluationText } from './domains.ts';
import { engineMemoryOf } from './memory.ts';
import { evictFromPageCache } from './page-cache.ts';
import { SequentialDrop, SequentialVerdict } from './sequential.ts';
import { isOwn, type Share, storeChunk } from './share.ts';
import type { DescribedFile } from './size.ts';
import { measureSpeed, speedContextSize } from './speed.ts';
import { type ItemOutcome, runTasks, type TaskHooks } from './task-run.ts';
import { summarizeTasks, type TaskItem } from './tasks.ts';
import {
  chunksOf,
  type EvaluatedChunk,
  evaluateText,
  NO_REFERENCE,
  type SavedText,
  type TextChunks,
  type TextHooks,
  type TextPlan,
  type TextRole,
} from './text-evaluation.ts';
import { findThreads, type ThreadSearch } from './threads.ts';
import { type Timing, timed } from './timing.ts';
import type { ToolItem } from './tool-file.ts';
import { tellingOf } from './tool-prompt.ts';
import { runTools } from './tool-run.ts';

/** An ordinary first question of a chat, long enough that a phone's user would notice the wait. */
const FIRST_TOKEN_QUESTION =
  'I have an hour before guests arrive and some rice, eggs, tomatoes and cheese in the kitchen. ' +
  'What could I cook for four people, and in which order should I do things?';

export type Step =
  | 'hash'
  | 'threads'
  | 'start'
  | 'load'
  | 'speed'
  | 'memory'
  | 'perplexity'
  | 'tasks'
  | 'choices'
  | 'tools';

/** What variants are evaluated on. */
export interface EvaluationMaterial {
  readonly text: EvaluationText;
  readonly taskItems: readonly TaskItem[];
  readonly choiceItems: readonly ChoiceItem[];
  readonly toolItems: readonly ToolItem[];
  /** The share of the evaluation that is done here; null is all. */
  readonly share: Share | null;
}

export interface VariantPlan extends EvaluationMaterial, Pick<DescribedFile, 'tokenRead' | 'chatTemplate'> {
  readonly path: string;
  readonly stages: readonly Stage[];
  readonly settings: Settings;
  /** What a saved reference was scored on, instead of the text. */
  readonly savedText: SavedText | null;
  /** The reference's outcomes; null where there are none. */
  readonly referenceOutcomes: Readonly<Record<AnswerKind, readonly boolean[] | null>>;
  readonly isReference: boolean;
  /** Of variants that are timed in turns, whether this is the first: only then loading is timed. */
  readonly isFirstTurn?: boolean;
}

export interface VariantHooks {
  onStep(step: Step, done: number, total: number): void;
  /** A group of figures is complete; parts of `share` come one by one and add up. */
  onFigures(figures: Partial<VariantResult>): Promise<void>;
  /** Called before what is timed; the result says what else the machine did meanwhile, and ends it. */
  readonly timing?: (() => Promise<Timing>) | undefined;
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
  const { model, question, timed: context } = await load(session, plan, hooks);
  if (wants('speed') || wants('memory')) {
    const speedPlan = wants('speed') ? settings : { ...settings, repetitions: 1 };
    const onStep = (done: number, total: number) =>
      hooks.onStep(wants('speed') ? 'speed' : 'memory', done, total);
    const measure = () => measureSpeed(session, model, speedPlan, question, plan.tokenRead, onStep);
    if (wants('speed')) {
      const { result, disturbed } = await timed(hooks.timing, measure);
      await hooks.onFigures({ speed: { ...result, ...disturbed } });
    } else await measure();
    if (wants('memory'))
      await hooks.onFigures({ memory: await engineMemoryOf(session, context.contextSize) });
  }
  const parts = wants('accuracy') ? partsOf(settings) : [];
  const { chatTemplate, taskItems, tokenRead } = plan;
  if (parts.includes('tasks')) {
    hooks.onStep('tasks', 0, taskItems.length);
    const outcomes = await runTasks(
      session,
      model,
      taskItems,
      chatTemplate,
      context,
      tokenRead.kvBytesPerToken,
      {
        onItem: (done, total) => hooks.onStep('tasks', done, total),
        isOwn: (group) => isOwn(plan.share, group),
        ...tasksUntilDecided(plan),
      },
    );
    await hooks.onFigures(outcomeFigures(plan, 'tasks', taskItems, outcomes));
  }
  if (parts.includes('tools')) await measureTools(session, plan, model, context, hooks);
}

/** Calls of tools, freely, and under a grammar where that was asked for. */
async function measureTools(
  session: EngineSession,
  plan: VariantPlan,
  model: LoadedModel,
  context: ContextOptions,
  hooks: VariantHooks,
): Promise<void> {
  const { toolItems, chatTemplate, tokenRead, settings } = plan;
  const telling = await tellingOf(session, chatTemplate);
  await hooks.onFigures({ toolTelling: { by: telling.by, form: telling.form.name } });
  const kinds =
    settings.evaluation.grammar === true ? (['tools', 'toolsWithGrammar'] as const) : (['tools'] as const);
  const total = toolItems.length * kinds.length;
  for (const [index, kind] of kinds.entries()) {
    const onItem = (done: number) => hooks.onStep('tools', index * toolItems.length + done, total);
    onItem(0);
    const outcomes = await runTools(
      session,
      model,
      toolItems,
      chatTemplate,
      telling,
      kind === 'toolsWithGrammar',
      context,
      tokenRead.kvBytesPerToken,
      onItem,
      (group) => isOwn(plan.share, group),
    );
    await hooks.onFigures(
      outcomes === null
        ? { [kind]: unavailableBecause(`no grammar is written for calls of the form ${telling.form.name}`) }
        : outcomeFigures(plan, kind, toolItems, outcomes),
    );
  }
}

/** What of an evaluation was asked for. */
export function partsOf({ evaluation }: Settings): readonly EvaluationPart[] {
  return evaluation.parts ?? ['text', 'tasks'];
}

/** The accuracy of what this run has answered, and in a shard what it answered. */
function outcomeFigures(
  { isReference, referenceOutcomes, share }: VariantPlan,
  kind: AnswerKind,
  items: readonly { readonly task: string }[],
  outcomes: readonly ItemOutcome[],
): Partial<VariantResult> {
  const own = outcomes.map((outcome) => ({ task: items[outcome.item]?.task ?? '', ...outcome }));
  const stored = share === null ? {} : { share: { [kind]: { items: items.length, outcomes: own } } };
  if (own.length === 0) {
    return { [kind]: unavailableBecause('none of the items fell to this shard'), ...stored };
  }
  const reference = referenceOutcomes[kind];
  // A shard's reference row holds its own items, a kept one all.
  const theirs =
    reference?.length === items.length ? own.map(({ item }) => reference[item] === true) : reference;
  const tasks = summarizeTasks(own, own, theirs);
  const flips = isReference
    ? unavailableBecause('it is the reference that the others are compared with')
    : tasks.flips;
  return { [kind]: { ...tasks, flips }, ...stored };
}

/** Finds the fastest threads for these settings; the session is of no use afterwards. */
export async function findThreadsFor(
  session: EngineSession,
  { path, settings }: Pick<VariantPlan, 'path' | 'settings'>,
  cores: number,
): Promise<ThreadSearch> {
  const model = await session.loadModel({ path, gpuLayers: settings.gpuLayers });
  return findThreads(session, model, contextOptions(settings), cores, settings.seed);
}

/**
 * Perplexity, divergence and multiple choice, in a session of its own: its buffers no phone would allocate.
 * @param openRole opens this variant's side of the reference store, once the text's chunks are known
 */
export async function evaluateVariant(
  session: EngineSession,
  plan: VariantPlan,
  openRole: (planned: TextChunks, model: LoadedModel) => Promise<TextRole>,
  hooks: VariantHooks,
): Promise<void> {
  const { settings, choiceItems, chatTemplate } = plan;
  const parts = partsOf(settings);
  const model = await loadModel(session, plan);
  await hooks.onFigures(placementOf(model, settings));
  if (parts.includes('text')) {
    const textPlan = textPlanOf(plan);
    const planned = await chunksOf(session, model, textPlan);
    await session.openContext({ ...contextOptions(settings), contextSize: textPlan.contextSize });
    const role = await openRole(planned, model);
    hooks.onStep('perplexity', 0, planned.chunks.length);
    const chunks: EvaluatedChunk[] = [];
    const own = (chunk: number) => isOwn(plan.share, chunk);
    if (planned.chunks.some((_, index) => own(index))) {
      const textHooks: TextHooks = {
        onChunk: (done, total) => hooks.onStep('perplexity', done, total),
        ...(plan.share === null ? {} : { keep: (chunk) => chunks.push(chunk) }),
        ...untilDecided(settings, role),
      };
      const evaluated = await evaluateText(session, planned, textPlan, role, textHooks, own);
      await hooks.onFigures({ ...evaluated, divergence: evaluated.divergence ?? NO_REFERENCE });
    } else {
      const none = unavailableBecause('no chunk of the text fell to this shard');
      await hooks.onFigures({ perplexity: none, divergence: none });
    }
    if (plan.share !== null) {
      const { contextSize } = textPlan;
      await hooks.onFigures({
        share: {
          text: {
            total: planned.chunks.length,
            contextSize,
            ...(planned.domains.length === 0 ? {} : { domains: [...planned.domains] }),
            chunks: chunks.map(storeChunk),
          },
        },
      });
    }
  }
  if (!parts.includes('choices')) return;
  hooks.onStep('choices', 0, choiceItems.length);
  const { sequences: _, ...options } = contextOptions(settings);
  const outcomes = await runChoices(
    session,
    model,
    choiceItems,
    chatTemplate,
    options,
    (done, total) => hooks.onStep('choices', done, total),
    (item) => isOwn(plan.share, item),
  );
  await hooks.onFigures(outcomeFigures(plan, 'choices', choiceItems, outcomes));
}

/** A candidate's tasks may end early, too: its answers are held against the reference's, item by item. */
function tasksUntilDecided({
  settings: { evaluation, limits },
  isReference,
  referenceOutcomes,
}: VariantPlan): Pick<TaskHooks, 'isEnough'> {
  const asked = evaluation.untilDecided;
  const reference = referenceOutcomes.tasks;
  if (asked === undefined || isReference || reference === null) return {};
  const verdict = new SequentialDrop(limits.maxAccuracyDrop);
  const isOver = timeLimit(asked.maxSeconds);
  let judged = 0;
  return {
    isEnough: (outcomes) => {
      for (const { item, correct } of outcomes.slice(judged)) verdict.add(reference[item] === true, correct);
      judged = outcomes.length;
      return verdict.verdict() !== 'open' || isOver();
    },
  };
}

function timeLimit(maxSeconds: number | null): () => boolean {
  const started = performance.now();
  return () => (performance.now() - started) / 1000 >= (maxSeconds ?? Number.POSITIVE_INFINITY);
}

/** A candidate's text may end early; the reference's is what the others are compared with. */
function untilDecided({ evaluation, limits }: Settings, { kind }: TextRole): Pick<TextHooks, 'isEnough'> {
  const asked = evaluation.untilDecided;
  if (asked === undefined || kind !== 'candidate') return {};
  const verdict = new SequentialVerdict(limits);
  const isOver = timeLimit(asked.maxSeconds);
  return {
    isEnough: (chunk) => {
      verdict.add(chunk);
      return verdict.verdict() !== 'open' || isOver();
    },
  };
}

function loadModel(session: EngineSession, { path, settings }: VariantPlan): Promise<LoadedModel> {
  return session.loadModel({ path, gpuLayers: settings.gpuLayers });
}

/** Where the layers went, when not all of them to where they were asked to be. */
function placementOf({ layers }: LoadedModel, { gpuLayers }: Settings): Partial<VariantResult> {
  if (layers === null) return {};
  const { onGpu, total } = layers;
  if (onGpu === total && (gpuLayers === 'max' || gpuLayers === total)) return {};
  const asked = onGpu === gpuLayers ? '' : `, ${gpuLayers} asked for`;
  return { backend: { gpuLayers: onGpu, notes: [`${onGpu} of ${total} layers on the GPU${asked}`] } };
}

function textPlanOf({ text, savedText, settings }: VariantPlan): TextPlan {
  const { contextSize, chunks } = settings.evaluation;
  return { text, contextSize, chunks, ...(savedText === null ? {} : { saved: savedText }) };
}

function contextOptions({
  batchSize,
  threads,
  promptThreads = threads,
  flashAttention,
}: Settings): Omit<ContextOptions, 'contextSize'> {
  const types = { keyType: 'f16', valueType: 'f16' } as const;
  return { sequences: 1, batchSize, threads, promptThreads, flashAttention, ...types };
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
    const model = await loadModel(session, plan);
    const question = await session.chatPrompt(
      [{ role: 'user', content: FIRST_TOKEN_QUESTION }],
      chatTemplate,
    );
    const contextSize = Math.max(speedContextSize(settings), question.length);
    const timed: ContextOptions = { ...contextOptions(settings), contextSize };
    const { openMs } = await session.openContext(timed);
    return { model, question, timed, ms: model.loadMs + openMs };
  };
  if (!stages.includes('speed') || plan.isFirstTurn === false) {
    const loaded = await once();
    await hooks.onFigures(placementOf(loaded.model, settings));
    return loaded;
  }
  hooks.onStep('load', 0, 2);
  const notEvicted = await evictFromPageCache(path, hooks.signal);
  const cold = await once();
  hooks.onStep('load', 1, 2);
  await session.unload();
  const warm = await once();
  hooks.onStep('load', 2, 2);
  await hooks.onFigures({
    ...placementOf(warm.model, settings),
    load: { coldMs: notEvicted === null ? cold.ms : unavailableBecause(notEvicted), warmMs: warm.ms },
  });
  return warm;
}
