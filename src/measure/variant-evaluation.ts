import type { EngineSession, LoadedModel } from '../engine/engine.ts';
import { unavailableBecause } from '../schema/availability.ts';
import type { Settings } from '../schema/results.ts';
import { runChoices } from './choice-run.ts';
import { SequentialVerdict, timeLimit } from './sequential.ts';
import { isOwn, storeChunk } from './share.ts';
import {
  chunksOf,
  type EvaluatedChunk,
  evaluateText,
  NO_REFERENCE,
  type TextChunks,
  type TextHooks,
  type TextPlan,
  type TextRole,
} from './text-evaluation.ts';
import {
  contextOptions,
  loadModel,
  outcomeFigures,
  partsOf,
  placementOf,
  type VariantHooks,
  type VariantPlan,
} from './variant-plan.ts';

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

function textPlanOf({ text, savedText, settings }: VariantPlan): TextPlan {
  const { contextSize, chunks } = settings.evaluation;
  return { text, contextSize, chunks, ...(savedText === null ? {} : { saved: savedText }) };
}
