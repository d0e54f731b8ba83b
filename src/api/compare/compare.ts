import type { Results } from '../../schema/results.ts';
import type { CompareRequest } from './request.ts';

/**
 * What `quantscope compare --json` prints: measures the files that refs stand for side by side and recommends one.
 * What is on the Hub is downloaded first. Nothing is printed, and no file is written but by `onResults`.
 * @param refs default: those of the results to resume, or the embedded family
 * @throws UsageError where refs and request do not go together; EngineError when no engine can be started at all; the
 *   signal's reason. A variant that fails is a row with its reason
 */
export async function compare(refs: readonly string[] = [], request: CompareRequest = {}): Promise<Results> {
  const [{ planComparison }, { measureComparison }] = await Promise.all([
    import('./plan.ts'),
    import('../comparison/measure.ts'),
  ]);
  return measureComparison(await planComparison(refs, request), request);
}
