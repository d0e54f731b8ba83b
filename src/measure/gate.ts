import { isAvailable, unavailableBecause } from '../schema/availability.ts';
import type { GateOutcome, GateReport } from '../schema/gates.ts';
import type { BaselineComparison } from '../schema/report.ts';
import type { GATE_ALLOWANCES, GateSeverity } from '../schema/terms.ts';
import { SCHEMA_IDS } from '../schema/terms.ts';
import { UsageError } from '../util/errors.ts';
import { comparisonsOf, type GateExpression } from './gate-expression.ts';
import { unitAt } from './gate-figures.ts';
import { type GateFinding, type Judgement, judgeExpression } from './gate-judge.ts';
import { judgeRegression, type Regression } from './gate-regression.ts';
import type { Judgeable } from './gate-rows.ts';

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

/** What is allowed to happen to a variant although there are gates. */
export type Allowance = (typeof GATE_ALLOWANCES)[number];

/** A document to judge, and what tells it from others in the same report. */
export interface Gated {
  /** Null where there is one only. */
  readonly machine: string | null;
  readonly judgeable: Judgeable;
  /** What changed since the machine's baseline; null without one. */
  readonly comparison: BaselineComparison | null;
}

/**
 * Judges every gate on every document. With gates a variant that failed, or that the baseline has and the results have
 * not, is a failure of its own, unless that is allowed: a gate on any of those that are left would hold of it.
 */
export function judgeGates(
  gates: readonly Gate[],
  judged: readonly Gated[],
  allowed: readonly Allowance[] = [],
): GateReport {
  const outcomes = judged.flatMap((each) => {
    const { machine, comparison } = each;
    const judgeable = allowed.includes('variant.failed') ? withoutFailed(each.judgeable) : each.judgeable;
    // A variant that other machines measured says nothing of this one, and neither does a figure of another command.
    const own = judged.length === 1 ? gates : gates.filter((gate) => isAbout(gate, each));
    return [
      ...lossesOf(each, allowed),
      ...own.map((gate) => outcomeOf(gate, machine, judgementOf(gate, { judgeable, comparison }), judgeable)),
    ];
  });
  // What is about nothing that there is must not pass for that.
  const idle = judged.length === 1 ? [] : gates.filter((gate) => !judged.some((each) => isAbout(gate, each)));
  for (const gate of idle)
    outcomes.push(outcomeOf(gate, null, judgementOf(gate, NOTHING), NOTHING.judgeable));
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

const NOTHING: Omit<Gated, 'machine'> = {
  judgeable: {
    machine: null,
    rows: [],
    reference: null,
    recommended: unavailableBecause('there are no such results'),
  },
  comparison: null,
};

function judgementOf(gate: Gate, { judgeable, comparison }: Omit<Gated, 'machine'>): Judgement {
  return gate.kind === 'condition'
    ? judgeExpression(gate.expression, judgeable)
    : judgeRegression(gate.regression, comparison);
}

/** Gates on what became of the variants, for what befell some; those that hold are not told of. */
function lossesOf({ machine, judgeable, comparison }: Gated, allowed: readonly Allowance[]): GateOutcome[] {
  const failed = judgeable.rows.filter(({ failure }) => failure !== null);
  const missing = comparison?.removed ?? [];
  const loss = (gate: Allowance, condition: string, findings: GateFinding[]): GateOutcome[] =>
    findings.length === 0 || allowed.includes(gate)
      ? []
      : [
          outcomeOf(
            { name: gate, severity: 'error', text: condition },
            machine,
            { holds: true, findings },
            judgeable,
          ),
        ];
  return [
    ...loss(
      'variant.failed',
      'a variant failed',
      failed.map(({ name, failure }) => lossOf(name, 'variant.failed', `${name} failed: ${failure ?? ''}`)),
    ),
    ...loss(
      'variant.missing',
      'a variant of the baseline is missing',
      missing.map((name) =>
        lossOf(name, 'variant.missing', `${name} is in the baseline and not in the results`),
      ),
    ),
  ];
}

function lossOf(variant: string, figure: Allowance, message: string): GateFinding {
  return { variant, figure, value: unavailableBecause(message), message };
}

function withoutFailed(judgeable: Judgeable): Judgeable {
  return { ...judgeable, rows: judgeable.rows.filter(({ failure }) => failure === null) };
}

function isAbout(gate: Gate, { judgeable, comparison }: Gated): boolean {
  if (gate.kind === 'regression') {
    return comparison === null || comparison.changes.some(({ figure }) => figure === gate.regression.figure);
  }
  const { rows, machine } = judgeable;
  const kinds = [
    ...new Set(rows.flatMap(({ kind }) => (kind === 'endpoint' ? ['variant' as const] : [kind]))),
  ];
  return comparisonsOf(gate.expression).every(({ subject, path }) => {
    if (subject.kind === 'machine') return machine !== null;
    if (subject.kind === 'variant' && !rows.some(({ name }) => name === subject.name)) return false;
    return unitAt(kinds, path) !== null;
  });
}

function outcomeOf(
  { name, severity, text }: Named,
  machine: string | null,
  { holds, isDisturbed, findings }: Judgement,
  { rows }: Judgeable,
): GateOutcome {
  const places = new Map([...rows].reverse().map(({ name, ref }) => [name, ref]));
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
