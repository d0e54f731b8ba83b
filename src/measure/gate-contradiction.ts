import { UsageError } from '../util/errors.ts';
import type { Gate } from './gate.ts';
import { comparisonsOf, type GateComparison, type GateExpression } from './gate-expression.ts';
import { COMPARE } from './gate-judge.ts';

/**
 * Refuses gates that say nothing about results: a condition that no figure can meet never fails, and two of which every
 * figure meets one always fail. Only comparisons of one figure are looked at. A share beyond 1 is a percentage whose
 * sign was forgotten.
 * @param where how errors name the gates: the file, the option
 * @throws UsageError `gate/contradiction`, `gate/unit`
 */
export function requireMeaningful(gates: readonly Gate[], where = '--fail-if'): void {
  const alone: { readonly name: string; readonly text: string; readonly comparison: GateComparison }[] = [];
  for (const gate of gates) {
    if (gate.kind !== 'condition') continue;
    for (const comparison of comparisonsOf(gate.expression))
      requireShare(comparison, `${where}: ${JSON.stringify(gate.text)}`);
    const never = impossibleIn(gate.expression);
    if (never !== null) {
      throw new UsageError(
        'gate/contradiction',
        `${where}: ${JSON.stringify(gate.text)} can never hold: no ${never} is all of that at once`,
        { hint: 'A gate fails where its condition holds; join limits on both sides with or.' },
      );
    }
    if (gate.expression.kind === 'comparison' && gate.severity === 'error') {
      alone.push({ name: gate.name, text: gate.text, comparison: gate.expression });
    }
  }
  for (const [index, one] of alone.entries()) {
    for (const other of alone.slice(index + 1)) {
      if (!isOfEach(one.comparison) || figureOf(one.comparison) !== figureOf(other.comparison)) continue;
      const both = [one.comparison, other.comparison];
      if (!candidates(both).every((value) => both.some((each) => holdsFor(each, value)))) continue;
      throw new UsageError(
        'gate/contradiction',
        `${where}: gates ${JSON.stringify(one.name)} and ${JSON.stringify(other.name)} cannot both pass: whatever ${figureOf(one.comparison)} is, one of them fails`,
        { hint: 'Each says when to fail: one limit is on the wrong side.' },
      );
    }
  }
}

function requireShare(
  { unit, ofReference, limit: { value, unit: written } }: GateComparison,
  where: string,
): void {
  if (ofReference || unit !== 'share' || written !== '' || Math.abs(value) <= 1) return;
  throw new UsageError('gate/unit', `${where}: a share is from 0 to 1, and the limit is ${value}`, {
    hint: `Write ${value}% where that is meant, or ${Number((value * 100).toPrecision(12))}%.`,
  });
}

/** The figure that a conjunction asks the impossible of; null where it can hold. */
function impossibleIn(expression: GateExpression): string | null {
  // What is denied can hold unless it always does, which is not looked for.
  if (expression.kind !== 'and' && expression.kind !== 'or') return null;
  const { kind, terms } = expression;
  if (kind === 'or') {
    const each = terms.map(impossibleIn);
    return each.every((term) => term !== null) ? (each[0] ?? null) : null;
  }
  const comparisons = terms.filter((term) => term.kind === 'comparison');
  for (const comparison of comparisons) {
    // Two variants may meet one limit each.
    if (comparison.subject.kind === 'any') continue;
    const same = comparisons.filter((other) => figureOf(other) === figureOf(comparison));
    if (!candidates(same).some((value) => same.every((each) => holdsFor(each, value)))) {
      return figureOf(comparison);
    }
  }
  return terms.map(impossibleIn).find((term) => term !== null) ?? null;
}

/** Whether each variant by itself makes the gate fail. */
function isOfEach({ subject }: GateComparison): boolean {
  return subject.kind !== 'all';
}

function figureOf({ subject, path, ofReference }: GateComparison): string {
  const figure = [subject.kind === 'variant' ? subject.name : subject.kind, ...path].join('.');
  return ofReference ? `${figure} as a share of the reference's` : figure;
}

function holdsFor({ operator, limit }: GateComparison, value: number): boolean {
  return COMPARE[operator](value, limit.value);
}

/** A value of every kind that the limits tell apart: at each, between two and beyond all. */
function candidates(comparisons: readonly GateComparison[]): number[] {
  const limits = [...new Set(comparisons.map(({ limit }) => limit.value))].sort((a, b) => a - b);
  const between = limits.slice(1).map((limit, index) => ((limits[index] ?? limit) + limit) / 2);
  return [Number.NEGATIVE_INFINITY, ...limits, ...between, Number.POSITIVE_INFINITY];
}
