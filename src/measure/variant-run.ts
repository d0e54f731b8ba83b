import type { ContextOptions, EngineSession, LoadedModel } from '../engine/engine.ts';
import { unavailableBecause } from '../schema/availability.ts';
import type { Stage } from '../schema/terms.ts';
import { engineMemoryOf } from './memory.ts';
import { evictFromPageCache } from './page-cache.ts';
import { SequentialDrop, timeLimit } from './sequential.ts';
import { isOwn } from './share.ts';
import { measureSpeed, speedContextSize } from './speed.ts';
import { type AskedModel, type ItemHooks, type ItemOutcome, runTasks } from './task-run.ts';
import { findThreads, type ThreadSearch } from './threads.ts';
import { timed } from './timing.ts';
import { tellingOf } from './tool-prompt.ts';
import { runTools } from './tool-run.ts';
import {
  contextOptions,
  loadModel,
  outcomeFigures,
  partsOf,
  placementOf,
  type VariantHooks,
  type VariantPlan,
} from './variant-plan.ts';

/** An ordinary first question of a chat, long enough that a phone's user would notice the wait. */
const FIRST_TOKEN_QUESTION =
  'I have an hour before guests arrive and some rice, eggs, tomatoes and cheese in the kitchen. ' +
  'What could I cook for four people, and in which order should I do things?';

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
  const asked: AskedModel = {
    session,
    model,
    chatTemplate,
    context,
    kvBytesPerToken: tokenRead.kvBytesPerToken,
  };
  if (parts.includes('tasks')) {
    hooks.onStep('tasks', 0, taskItems.length);
    const outcomes = await runTasks(asked, taskItems, {
      onItem: (done, total) => hooks.onStep('tasks', done, total),
      isOwn: (group) => isOwn(plan.share, group),
      ...tasksUntilDecided(plan),
    });
    await hooks.onFigures(outcomeFigures(plan, 'tasks', taskItems, outcomes));
  }
  if (parts.includes('tools')) await measureTools(asked, plan, hooks);
}

/** Calls of tools, freely, and under a grammar where that was asked for. */
async function measureTools(asked: AskedModel, plan: VariantPlan, hooks: VariantHooks): Promise<void> {
  const { toolItems, settings } = plan;
  const telling = await tellingOf(asked.session, asked.chatTemplate);
  await hooks.onFigures({ toolTelling: { by: telling.by, form: telling.form.name } });
  const kinds =
    settings.evaluation.grammar === true ? (['tools', 'toolsWithGrammar'] as const) : (['tools'] as const);
  const total = toolItems.length * kinds.length;
  for (const [index, kind] of kinds.entries()) {
    const onItem = (done: number) => hooks.onStep('tools', index * toolItems.length + done, total);
    onItem(0);
    const outcomes = await runTools(asked, toolItems, telling, kind === 'toolsWithGrammar', {
      onItem,
      isOwn: (group) => isOwn(plan.share, group),
    });
    await hooks.onFigures(
      outcomes === null
        ? { [kind]: unavailableBecause(`no grammar is written for calls of the form ${telling.form.name}`) }
        : outcomeFigures(plan, kind, toolItems, outcomes),
    );
  }
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

/** A candidate's tasks may end early, too: its answers are held against the reference's, item by item. */
function tasksUntilDecided({
  settings: { evaluation, limits },
  isReference,
  referenceOutcomes,
}: VariantPlan): Pick<ItemHooks<ItemOutcome>, 'isEnough'> {
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
