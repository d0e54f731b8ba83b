import { reasonOf } from '../measure/gate.ts';
import type { GateOutcome, GateReport } from '../schema/gates.ts';
import { attribute, text } from './xml.ts';

/** JUnit XML: a suite for each machine, a case for each gate; an error where a gate cannot be judged. */
export function renderGateJunit({ outcomes }: GateReport): string {
  const suites = new Map<string, GateOutcome[]>();
  for (const outcome of outcomes) {
    const name = outcome.machine ?? 'gates';
    suites.set(name, [...(suites.get(name) ?? []), outcome]);
  }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="quantscope gates" ${countsOf(outcomes)}>`,
    ...[...suites].flatMap(([name, own]) => [
      `  <testsuite name=${attribute(name)} ${countsOf(own)} skipped="0">`,
      ...own.flatMap((outcome) => testCase(name, outcome)),
      '  </testsuite>',
    ]),
    '</testsuites>',
  ].join('\n');
}

function countsOf(outcomes: readonly GateOutcome[]): string {
  const counted = (element: string) => outcomes.filter((outcome) => elementOf(outcome) === element).length;
  return `tests="${outcomes.length}" failures="${counted('failure')}" errors="${counted('error')}"`;
}

/** A warning fails nothing, here either. */
function elementOf({ verdict, severity }: GateOutcome): 'failure' | 'error' | 'system-out' {
  if (verdict === 'passed' || severity === 'warning') return 'system-out';
  return verdict === 'failed' ? 'failure' : 'error';
}

function testCase(suite: string, outcome: GateOutcome): string[] {
  const { gate, severity, verdict, condition } = outcome;
  const element = elementOf(outcome);
  const reason = reasonOf(outcome);
  const inside =
    element === 'system-out'
      ? `<system-out>${text(verdict === 'passed' ? reason : `${severity}: ${reason}`)}</system-out>`
      : `<${element} message=${attribute(reason)} type=${attribute(verdict)}>${text(condition)}</${element}>`;
  return [
    `    <testcase classname=${attribute(suite)} name=${attribute(gate)}>`,
    `      ${inside}`,
    '    </testcase>',
  ];
}
