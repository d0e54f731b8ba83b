import { planEvaluation } from '../../api/evaluate/plan.ts';
import type { EvaluateRequest } from '../../api/evaluate/request.ts';
import type { ComparisonOutput } from '../comparison/run.ts';
import { runComparison } from '../comparison/run.ts';
import type { ExitCode } from '../exit.ts';

export type EvalOptions = EvaluateRequest & ComparisonOutput & { readonly listBenchmarks?: boolean };

/** @param refs none stand for the embedded family, for the files of the results to resume, or for an endpoint alone */
export function runEval(
  refs: readonly string[],
  options: EvalOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  return runComparison('eval', { ...options, details: true }, signal, (terminal) =>
    planEvaluation(refs, { ...options, ...terminal }),
  );
}
