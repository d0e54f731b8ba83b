import { planComparison } from '../../api/compare/plan.ts';
import type { CompareRequest } from '../../api/compare/request.ts';
import type { ComparisonOutput } from '../comparison/run.ts';
import { runComparison } from '../comparison/run.ts';
import type { ExitCode } from '../exit.ts';

export type CompareOptions = CompareRequest & ComparisonOutput;

/** @param refs none stand for the embedded family, or for the files of the results to resume */
export function runCompare(
  refs: readonly string[],
  options: CompareOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  return runComparison('compare', options, signal, (terminal) =>
    planComparison(refs, { ...options, ...terminal }),
  );
}
