import type { ContextOptions, EngineSession, LoadedModel } from '../engine/engine.ts';
import { unavailableBecause } from '../schema/availability.ts';
import type { Settings, VariantResult } from '../schema/results.ts';
import type { AnswerKind, EvaluationPart, Stage } from '../schema/terms.ts';
import type { ChoiceItem } from './choices.ts';
import type { EvaluationText } from './domains.ts';
import type { Share } from './share.ts';
import type { DescribedFile } from './size.ts';
import type { ItemOutcome } from './task-run.ts';
import { summarizeTasks, type TaskItem } from './tasks.ts';
import type { SavedText } from './text-evaluation.ts';
import type { Timing } from './timing.ts';
import type { ToolItem } from './tool-file.ts';

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

/** What of an evaluation was asked for. */
export function partsOf({ evaluation }: Settings): readonly EvaluationPart[] {
  return evaluation.parts ?? ['text', 'tasks'];
}

/** The accuracy of what this run has answered, and in a shard what it answered. */
export function outcomeFigures(
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

export function loadModel(session: EngineSession, { path, settings }: VariantPlan): Promise<LoadedModel> {
  return session.loadModel({ path, gpuLayers: settings.gpuLayers });
}

/** Where the layers went, when not all of them to where they were asked to be. */
export function placementOf({ layers }: LoadedModel, { gpuLayers }: Settings): Partial<VariantResult> {
  if (layers === null) return {};
  const { onGpu, total } = layers;
  if (onGpu === total && (gpuLayers === 'max' || gpuLayers === total)) return {};
  const asked = onGpu === gpuLayers ? '' : `, ${gpuLayers} asked for`;
  return { backend: { gpuLayers: onGpu, notes: [`${onGpu} of ${total} layers on the GPU${asked}`] } };
}

export function contextOptions({
  batchSize,
  threads,
  promptThreads = threads,
  flashAttention,
}: Settings): Omit<ContextOptions, 'contextSize'> {
  const types = { keyType: 'f16', valueType: 'f16' } as const;
  return { sequences: 1, batchSize, threads, promptThreads, flashAttention, ...types };
}
