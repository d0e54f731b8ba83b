import type { GateReport } from '../../schema/gates.ts';
import type { Host } from '../host.ts';
import { readReport } from '../report/report.ts';
import { type GateRequest, readConditions } from './gates.ts';
import { judgeReport, requireJudgeableOn } from './judge.ts';

/** What saved results are judged by. */
export interface JudgeRequest
  extends Pick<GateRequest, 'failIf' | 'gates' | 'allow' | 'baseline'>,
    Pick<Host, 'signal' | 'progress'> {
  /** Only these metrics are put together. Default: all. */
  readonly only?: 'speed' | 'accuracy';
}

/**
 * Judges saved results by gates, as `report --gates --gate-format json` does. A gate that fails is no error: it is in
 * what is returned.
 * @param paths files that `compare`, `eval`, `bench`, `context`, `fit --json` or `report --out` wrote
 * @throws UsageError `gate/*`, `gates/*`, `usage/baseline`, `baseline/several`, and those of `report`
 */
export async function judge(paths: readonly string[], request: JudgeRequest): Promise<GateReport> {
  const { only, baseline, signal, progress } = request;
  const gates = await readConditions(request, ['variant', 'bench', 'context', 'phone']);
  const report = await readReport(paths, {
    only,
    baseline,
    ...(signal ? { signal } : {}),
    ...(progress ? { progress } : {}),
  });
  requireJudgeableOn(report, gates.gates);
  return judgeReport(gates, report);
}
