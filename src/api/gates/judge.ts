import { type Gate, type Gated, judgeGates, shardsCannotBeJudged } from '../../measure/gate.ts';
import { comparisonsOf } from '../../measure/gate-expression.ts';
import { unitAt } from '../../measure/gate-figures.ts';
import { judgedNames } from '../../measure/gate-judge.ts';
import {
  type Judgeable,
  judgeableBench,
  judgeableContext,
  judgeableFit,
  judgeableResults,
} from '../../measure/gate-rows.ts';
import type { Report } from '../../report/report.ts';
import type { GateReport } from '../../schema/gates.ts';
import { UsageError } from '../../util/errors.ts';
import { type GateInput, requireJudgeable } from './gates.ts';

type Kind = Report['changes'][number]['of'];

/** Every document of a report that gates can be judged on, and its name in the report. */
function judgeablesIn({ machines, benches, contexts, fits }: Report): {
  readonly label: string;
  readonly of: Kind;
  readonly judgeable: Judgeable;
}[] {
  return [
    ...machines.map(({ label, results }) => {
      return { label, of: 'comparison' as const, judgeable: judgeableResults(results) };
    }),
    ...benches.map(({ label, results }) => {
      return { label, of: 'bench' as const, judgeable: judgeableBench(results) };
    }),
    ...contexts.map(({ label, results }) => {
      return { label, of: 'context' as const, judgeable: judgeableContext(results) };
    }),
    ...fits.map(({ results }) => {
      return { label: 'phones', of: 'fit' as const, judgeable: judgeableFit(results) };
    }),
  ];
}

/**
 * Refuses gates on rows that are not in the report, and on figures that nothing in it can have: measured results without
 * a comparison have no size.
 * @throws UsageError `gate/variant`, `gate/not-measured`
 */
export function requireJudgeableOn(report: Report, gates: readonly Gate[]): void {
  const judgeables = judgeablesIn(report).map(({ judgeable }) => judgeable);
  requireJudgeable(gates, judgeables.flatMap(judgedNames));
  const kinds = new Set(
    judgeables.flatMap(({ rows }) => rows.map(({ kind }) => (kind === 'endpoint' ? 'variant' : kind))),
  );
  for (const gate of gates) {
    for (const { subject, path } of gate.kind === 'condition' ? comparisonsOf(gate.expression) : []) {
      if (subject.kind === 'machine' || unitAt([...kinds], path) !== null) continue;
      const where = JSON.stringify(gate.text);
      throw new UsageError('gate/not-measured', `${where}: nothing in the files has ${path.join('.')}`, {
        hint: 'Name results of the command whose figure it is: compare or eval, bench, context, fit.',
      });
    }
  }
}

/**
 * Judges gates on all that a report is about.
 * @throws UsageError `gate/shard`
 */
export function judgeReport(
  { gates, allowed }: Pick<GateInput, 'gates' | 'allowed'>,
  report: Report,
): GateReport {
  if (report.machines.some(({ results }) => results.shard !== undefined)) throw shardsCannotBeJudged();
  const judgeables = judgeablesIn(report);
  const judged = judgeables.map(({ label, of, judgeable }): Gated => {
    const change = report.changes.find((each) => each.machine === label && each.of === of);
    return {
      machine: judgeables.length === 1 ? null : of === 'bench' ? `${label}, bench` : label,
      judgeable,
      comparison: change?.comparison ?? null,
    };
  });
  return judgeGates(gates, judged, allowed);
}
