import type { Results } from '../../schema/results.ts';
import type { EvaluateRequest } from './request.ts';

/**
 * What `quantscope eval --json` prints: what each model loses against a reference, in perplexity of a text, KL
 * divergence of every prediction, tasks and multiple choice. What is on the Hub is downloaded first.
 * @param refs default: those of the results to resume, none with `openai`, or the embedded family
 * @throws UsageError where refs and request do not go together; EngineError when no engine can be started at all; the
 *   signal's reason. A model that fails is a row with its reason
 */
export async function evaluate(
  refs: readonly string[] = [],
  request: EvaluateRequest = {},
): Promise<Results> {
  const [{ planEvaluation }, { measureComparison }] = await Promise.all([
    import('./plan.ts'),
    import('../comparison/measure.ts'),
  ]);
  return measureComparison(await planEvaluation(refs, request), request);
}
