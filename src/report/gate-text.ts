import { reasonOf } from '../measure/gate.ts';
import type { GateOutcome, GateReport } from '../schema/gates.ts';
import { plainStyle, type Style } from './style.ts';
import { printable } from './text-width.ts';

/** A line for each gate that does not hold, then one that counts all. */
export function renderGateText({ outcomes }: GateReport, style: Style = plainStyle): string {
  const open = outcomes.filter(({ verdict }) => verdict !== 'passed');
  return [...open.map((outcome) => lineOf(outcome, style)), summaryOf(outcomes)].join('\n');
}

function lineOf(outcome: GateOutcome, style: Style): string {
  const { severity } = outcome;
  const paint = severity === 'error' ? style.bad : style.warn;
  const label = severity === 'error' ? 'gate failed' : 'gate warning';
  // A condition without a name says nothing that the reason does not.
  const title = outcome.gate === outcome.condition && outcome.machine === null ? '' : `${titleOf(outcome)}: `;
  return `${paint(label)}: ${title}${printable(reasonOf(outcome))}`;
}

/** The gate, and the machine where there are several. */
export function titleOf({ gate, machine }: GateOutcome): string {
  return printable(machine === null ? gate : `${gate} (${machine})`);
}

/** `3 gates: 1 passed, 1 failed, 1 cannot be judged` */
export function summaryOf(outcomes: readonly GateOutcome[]): string {
  const counted = (verdict: GateOutcome['verdict']) =>
    outcomes.filter((outcome) => outcome.verdict === verdict).length;
  const parts = [
    `${counted('passed')} passed`,
    ...(counted('failed') > 0 ? [`${counted('failed')} failed`] : []),
    ...(counted('unjudged') > 0 ? [`${counted('unjudged')} cannot be judged`] : []),
  ];
  return `${outcomes.length} ${outcomes.length === 1 ? 'gate' : 'gates'}: ${parts.join(', ')}`;
}
