import { reasonOf } from '../measure/gate.ts';
import type { GateOutcome, GateReport } from '../schema/gates.ts';
import { sarifLog, uriOf } from './sarif.ts';
import type { SarifOptions } from './validation-sarif.ts';

/** SARIF: a rule for each gate, a result for each that does not hold, at the files of the variants it names. */
export function renderGateSarif({ outcomes }: GateReport, { toolVersion }: SarifOptions = {}): string {
  const gates = [...new Map(outcomes.map((outcome) => [outcome.gate, outcome])).values()];
  const open = outcomes.filter(({ verdict }) => verdict !== 'passed');
  const refs = [...new Set(open.flatMap(refsOf))];
  return sarifLog({
    toolVersion,
    rules: gates.map(({ gate, condition, severity }) => ({
      id: idOf(gate),
      shortDescription: { text: gate },
      fullDescription: { text: `Fails if ${condition}` },
      defaultConfiguration: { level: severity },
      properties: { tags: ['gate'] },
    })),
    artifacts: refs.map((ref) => ({ location: { uri: uriOf(ref) } })),
    results: open.map((outcome) => ({
      ruleId: idOf(outcome.gate),
      ruleIndex: gates.findIndex(({ gate }) => gate === outcome.gate),
      level: outcome.severity,
      message: { text: reasonOf(outcome) },
      locations: refsOf(outcome).map((ref) => ({
        physicalLocation: { artifactLocation: { uri: uriOf(ref), index: refs.indexOf(ref) } },
      })),
      partialFingerprints: { 'quantscope/v1': [outcome.gate, outcome.machine ?? ''].join('|') },
    })),
  });
}

function idOf(gate: string): string {
  return `gate/${gate}`;
}

/** The models an outcome is about; what is about the machine has a place all the same, which GitHub asks for. */
function refsOf({ findings }: GateOutcome): string[] {
  const refs = [...new Set(findings.flatMap(({ ref }) => (ref === null ? [] : [ref])))];
  return refs.length > 0 ? refs : ['.'];
}
