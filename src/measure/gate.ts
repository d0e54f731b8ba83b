import { isAvailable } from '../schema/availability.ts';
import type { GateOutcome, GateReport } from '../schema/gates.ts';
import type { BaselineComparison } from '../schema/report.ts';
import type { Results } from '../schema/results.ts';
import type { GateSeverity } from '../schema/terms.ts';
import { SCHEMA_IDS } from '../schema/terms.ts';
import { UsageError } from '../util/errors.ts';
import { comparisonsOf, type GateExpression } from './gate-expression.ts';
import { type GateFinding, type Judgement, judgedNames, judgeExpression } from './gate-judge.ts';
import { judgeRegression, type Regression } from './gate-regression.ts';

interface Named {
  readonly name: string;
  readonly severity: GateSeverity;
  /** The condition as it was written. */
  readonly text: string;
}

/** One condition under which results are refused. */
export type Gate = Named &
  (
    | { readonly kind: 'condition'; readonly expression: GateExpression }
    | { readonly kind: 'regression'; readonly regression: Regression }
  );

/** Results to judge, and what tells them from others in the same report. */
export interface GatedResults {
  /** Null where there is one machine only. */
  readonly machine: string | null;
  readonly results: Results;
  /** What changed since the machine's baseline; null without one. */
  readonly comparison: BaselineComparison | null;
}

/**
 * Judges every gate on every machine's results.
 * @throws UsageError `gate/shard`
 */
export function judgeGates(gates: readonly Gate[], judged: readonly GatedResults[]): GateReport {
  const outcomes = judged.flatMap(({ machine, results, comparison }) => {
    if (results.shard !== undefined) throw shardsCannotBeJudged();
    // A variant that other machines measured says nothing of this one.
    const own = machine === null ? gates : gates.filter((gate) => isAbout(gate, results));
    return own.map((gate): GateOutcome => {
      const judgement =
        gate.kind === 'condition'
          ? judgeExpression(gate.expression, results)
          : judgeRegression(gate.regression, comparison);
      return outcomeOf(gate, machine, judgement, results);
    });
  });
  const open = outcomes.filter(({ verdict }) => verdict !== 'passed');
  const errors = open.filter(({ severity }) => severity === 'error');
  const verdict =
    open.length === 0
      ? 'passed'
      : errors.length === 0
        ? 'warning'
        : errors.every((each) => each.verdict === 'disturbed')
          ? 'disturbed'
          : 'failed';
  return { schema: SCHEMA_IDS.gates, verdict, outcomes };
}

export function shardsCannotBeJudged(): UsageError {
  return new UsageError('gate/shard', 'a shard holds a part of the figures, which no gate can be judged by', {
    hint: 'Run the shards without gates, then judge all of them together: quantscope report shard-*.json --fail-if ...',
  });
}

function isAbout(gate: Gate, results: Results): boolean {
  if (gate.kind === 'regression') return true;
  const names = judgedNames(results);
  return comparisonsOf(gate.expression).every(
    ({ subject }) => subject.kind !== 'variant' || names.includes(subject.name),
  );
}

function outcomeOf(
  { name, severity, text }: Gate,
  machine: string | null,
  { holds, isDisturbed, findings }: Judgement,
  { variants, endpoints = [] }: Results,
): GateOutcome {
  const places = new Map([
    ...endpoints.map(({ name, url }) => [name, url] as const),
    ...variants.map(({ name, ref }) => [name, ref] as const),
  ]);
  const refOf = ({ variant }: GateFinding) => (variant === null ? null : (places.get(variant) ?? null));
  return {
    gate: name,
    machine,
    severity,
    condition: text,
    verdict: holds === null ? (isDisturbed ? 'disturbed' : 'unjudged') : holds ? 'failed' : 'passed',
    findings: findings.map((finding) => ({ ...finding, ref: refOf(finding) })),
  };
}

/** What an outcome comes down to, on one line. */
export function reasonOf({ verdict, findings }: GateOutcome): string {
  const said = findings.map(({ message }) => message).join('; ');
  if (verdict !== 'unjudged') return said;
  const missing = findings.filter(({ value }) => !isAvailable(value));
  return `cannot be judged: ${(missing.length > 0 ? missing : findings).map(({ message }) => message).join('; ')}`;
}
