import { reasonOf } from '../measure/gate.ts';
import type { GateReport } from '../schema/gates.ts';
import { titleOf } from './gate-text.ts';
import { workflowCommand } from './workflow-command.ts';

/** An annotation for each gate that does not hold. */
export function renderGateGithub({ outcomes }: GateReport): string {
  return outcomes
    .filter(({ verdict }) => verdict !== 'passed')
    .map((outcome) =>
      workflowCommand(outcome.severity, { title: `quantscope gate ${titleOf(outcome)}` }, reasonOf(outcome)),
    )
    .join('\n');
}
