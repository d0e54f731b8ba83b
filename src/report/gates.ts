import { reasonOf } from '../measure/gate.ts';
import type { GateOutcome, GateReport } from '../schema/gates.ts';
import type { Finding } from './finding.ts';
import { findingsGithub } from './finding-github.ts';
import { findingsGitlab } from './finding-gitlab.ts';
import { junitXml, type TestCase } from './finding-junit.ts';
import { findingsSarif, type SarifOptions } from './finding-sarif.ts';
import { plainStyle, type Style } from './style.ts';
import { fillColumns } from './table.ts';
import { tableMarkdown } from './table-markdown.ts';
import { printable } from './text-width.ts';

/** What gates found, in every form. */

export type GateRenderOptions = SarifOptions & { readonly style?: Style };

type Renderer = (report: GateReport, options: GateRenderOptions) => string;

const renderers = {
  text: ({ outcomes }, { style = plainStyle }) =>
    [...openOf(outcomes).map((outcome) => lineOf(outcome, style)), summaryOf(outcomes)].join('\n'),
  json: (report) => JSON.stringify(report, null, 2),
  junit: renderJunit,
  sarif: renderSarif,
  gitlab: ({ outcomes }) => findingsGitlab(openOf(outcomes).map(findingOf)),
  // A model is not one of the files that GitHub shows annotations in.
  github: ({ outcomes }) =>
    findingsGithub(openOf(outcomes).map((outcome) => ({ ...findingOf(outcome), places: [] }))),
} as const satisfies Record<string, Renderer>;

export type GateFormat = keyof typeof renderers;

/** Renders what the gates found as text, without a newline at its end. */
export function renderGates(format: GateFormat, report: GateReport, options: GateRenderOptions = {}): string {
  const renderer: Renderer = renderers[format];
  return renderer(report, options);
}

function openOf(outcomes: readonly GateOutcome[]): GateOutcome[] {
  return outcomes.filter(({ verdict }) => verdict !== 'passed');
}

function findingOf(outcome: GateOutcome): Finding {
  const { gate, machine, severity } = outcome;
  return {
    id: idOf(outcome),
    level: outcome.verdict === 'disturbed' ? 'warning' : severity,
    message: reasonOf(outcome),
    title: `gate ${titleOf(outcome)}`,
    places: refsOf(outcome).map((file) => ({ file })),
    fingerprint: [gate, machine ?? ''],
  };
}

function idOf({ gate }: GateOutcome): string {
  return `gate/${gate}`;
}

/** The models an outcome is about; what is about the machine has a place all the same, which GitHub asks for. */
function refsOf({ findings }: GateOutcome): string[] {
  const refs = [...new Set(findings.flatMap(({ ref }) => (ref === null ? [] : [ref])))];
  return refs.length > 0 ? refs : ['.'];
}

/** A line for each gate that does not hold. */
function lineOf(outcome: GateOutcome, style: Style): string {
  const { severity } = outcome;
  const isDisturbed = outcome.verdict === 'disturbed';
  const paint = severity === 'error' && !isDisturbed ? style.bad : style.warn;
  const label = isDisturbed ? 'gate not judged' : severity === 'error' ? 'gate failed' : 'gate warning';
  // A condition without a name says nothing that the reason does not.
  const title = outcome.gate === outcome.condition && outcome.machine === null ? '' : `${titleOf(outcome)}: `;
  return `${paint(label)}: ${title}${printable(reasonOf(outcome))}`;
}

/** The gate, and the machine where there are several. */
function titleOf({ gate, machine }: GateOutcome): string {
  return printable(machine === null ? gate : `${gate} (${machine})`);
}

/** `3 gates: 1 passed, 1 failed, 1 cannot be judged` */
function summaryOf(outcomes: readonly GateOutcome[]): string {
  const counted = (verdict: GateOutcome['verdict']) =>
    outcomes.filter((outcome) => outcome.verdict === verdict).length;
  const parts = [
    `${counted('passed')} passed`,
    ...(counted('failed') > 0 ? [`${counted('failed')} failed`] : []),
    ...(counted('disturbed') > 0 ? [`${counted('disturbed')} disturbed`] : []),
    ...(counted('unjudged') > 0 ? [`${counted('unjudged')} cannot be judged`] : []),
  ];
  return `${outcomes.length} ${outcomes.length === 1 ? 'gate' : 'gates'}: ${parts.join(', ')}`;
}

/** A suite for each machine, a case for each gate. */
function renderJunit({ outcomes }: GateReport): string {
  const names = [...new Set(outcomes.map(({ machine }) => machine ?? 'gates'))];
  return junitXml(
    'quantscope gates',
    names.map((name) => ({
      name,
      cases: outcomes.filter(({ machine }) => (machine ?? 'gates') === name).map(testCase),
    })),
  );
}

function testCase(outcome: GateOutcome): TestCase {
  const { gate, severity, verdict, condition } = outcome;
  const reason = reasonOf(outcome);
  if (verdict === 'passed') return { name: gate, output: reason };
  // A warning fails nothing, here either.
  if (severity === 'warning' || verdict === 'disturbed')
    return { name: gate, output: `${verdict === 'disturbed' ? verdict : severity}: ${reason}` };
  const kind = verdict === 'failed' ? 'failure' : 'error';
  return { name: gate, fault: { kind, type: verdict, message: reason, text: condition } };
}

/** A rule for each gate, a result for each that does not hold, at the files of the variants it names. */
function renderSarif({ outcomes }: GateReport, options: SarifOptions): string {
  const gates = [...new Map(outcomes.map((outcome) => [outcome.gate, outcome])).values()];
  const findings = openOf(outcomes).map(findingOf);
  const rules = gates.map((outcome) => ({
    id: idOf(outcome),
    level: outcome.severity,
    summary: outcome.gate,
    description: `Fails if ${outcome.condition}`,
    tag: 'gate',
  }));
  const files = new Set(findings.flatMap(({ places }) => places.map(({ file }) => file)));
  return findingsSarif(
    findings,
    rules,
    [...files].map((file) => ({ file })),
    options,
  );
}

const SIGNS = {
  passed: '✅ passed',
  failed: '❌ failed',
  disturbed: '❔ disturbed',
  unjudged: '❔ cannot be judged',
} as const;
const HEADINGS = {
  failed: 'Gates failed',
  disturbed: 'Gates not judged: the machine was disturbed',
  warning: 'Gates passed, with warnings',
  passed: 'Gates passed',
} as const;

/** Markdown for the summary of a CI job: every gate with what was found. */
export function renderGateSummary({ outcomes, verdict }: GateReport): string {
  const columns = fillColumns<GateOutcome>(
    [
      {
        title: '',
        align: 'left',
        read: (each) =>
          each.severity === 'warning' && each.verdict === 'failed' ? '⚠ warning' : SIGNS[each.verdict],
      },
      { title: 'gate', align: 'left', read: titleOf },
      { title: 'found', align: 'left', read: reasonOf },
    ],
    outcomes,
  );
  return [`### ${HEADINGS[verdict]}`, `${summaryOf(outcomes)}.`, tableMarkdown({ title: '', columns })].join(
    '\n\n',
  );
}
