import { type Allowance, type Gate, shardsCannotBeJudged } from '../../measure/gate.ts';
import { requireMeaningful } from '../../measure/gate-contradiction.ts';
import { comparisonsOf, parseGate } from '../../measure/gate-expression.ts';
import type { RowKind } from '../../measure/gate-figures.ts';
import { requireVariants } from '../../measure/gate-judge.ts';
import { partsOf } from '../../measure/variant-plan.ts';
import type { Settings } from '../../schema/results.ts';
import type { Stage } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { type Gathered, readBaselines } from '../report/gather.ts';

/** What results are judged by, as it is asked for. */
export interface GateRequest {
  /** Conditions that fail the results where they hold. */
  readonly failIf?: readonly string[];
  /** Path of a file of conditions and allowed regressions. */
  readonly gates?: string;
  /** Paths of earlier results, which regressions are judged against. */
  readonly baseline?: readonly string[];
  /** Where and how the verdict is written, which asks for gates. */
  readonly gateOut?: string;
  readonly gateFormat?: string;
  /** What does not fail although there are gates. */
  readonly allow?: readonly Allowance[];
  /** A part of a run, which cannot be judged. */
  readonly shard?: string;
}

/** What results are judged by, read and checked before anything is measured. */
export interface GateInput {
  readonly gates: readonly Gate[];
  readonly allowed: readonly Allowance[];
  readonly baselines: Gathered;
}

/**
 * The gates that were asked for, with what their regressions are judged against.
 * @throws UsageError those of `readConditions`, and of the baseline's files
 */
export async function readGates(
  options: GateRequest,
  kinds: readonly RowKind[] = ['variant'],
): Promise<GateInput> {
  const conditions = await readConditions(options, kinds);
  return { ...conditions, baselines: await readBaselines(options.baseline ?? []) };
}

/**
 * @param kinds the rows that there can be
 * @throws UsageError `gate/*`, `gates/*`, and `usage/baseline` where one is missing
 */
export async function readConditions(
  options: GateRequest,
  kinds: readonly RowKind[],
): Promise<Omit<GateInput, 'baselines'>> {
  const given = (options.failIf ?? []).map((text): Gate => {
    const expression = parseGate(text, '--fail-if', kinds);
    return { kind: 'condition', name: text, severity: 'error', text, expression };
  });
  const read =
    options.gates === undefined ? { gates: [], allowed: [] } : await readGatesOf(options.gates, kinds);
  const gates = [...new Map([...read.gates, ...given].map((gate) => [gate.name, gate])).values()];
  requireMeaningful(gates, options.gates ?? '--fail-if');
  if (gates.length === 0) requireNoVerdict(options);
  if (gates.length > 0 && options.shard !== undefined) throw shardsCannotBeJudged();
  if (gates.some(({ kind }) => kind === 'regression') && options.baseline === undefined) {
    throw new UsageError('usage/baseline', `${options.gates} allows regressions, and there is no baseline`, {
      hint: 'Name the earlier results with --baseline FILE.',
    });
  }
  return { gates, allowed: [...read.allowed, ...(options.allow ?? [])] };
}

/** A file that a later step waits for would never be written. */
function requireNoVerdict({ gateOut, gateFormat }: GateRequest): void {
  if (gateOut === undefined && gateFormat === undefined) return;
  const option = gateOut === undefined ? '--gate-format' : '--gate-out';
  throw new UsageError('usage/gates', `${option} writes what gates found, and there are none`, {
    hint: 'Say what to fail on with --fail-if or --gates.',
  });
}

/**
 * Where nothing but gates reads a baseline, one without them would be ignored silently.
 * @throws UsageError `usage/baseline`
 */
export function requireGates({ gates }: GateInput, { baseline }: GateRequest): void {
  if (baseline === undefined || gates.length > 0) return;
  throw new UsageError('usage/baseline', '--baseline is what gates judge by, and there are none', {
    hint: 'Name a file of them with --gates, or see what changed: quantscope report NEW.json --baseline OLD.json.',
  });
}

/** Without a file its schema is not even made. */
async function readGatesOf(file: string, kinds: readonly RowKind[]): Promise<Omit<GateInput, 'baselines'>> {
  const { readGatesFile } = await import('./gates-file.ts');
  return readGatesFile(file, kinds);
}

/**
 * Refuses, before anything is measured, gates that could not be judged afterwards.
 * @throws UsageError `gate/variant`, `gate/not-measured`
 */
export function requireJudgeable(
  gates: readonly Gate[],
  variants: readonly string[],
  settings?: Settings,
): void {
  for (const gate of gates) {
    if (gate.kind !== 'condition') continue;
    const where = JSON.stringify(gate.text);
    requireVariants(gate.expression, variants, where);
    if (settings === undefined) continue;
    for (const { subject, path, ifAvailable } of comparisonsOf(gate.expression)) {
      if (ifAvailable || subject.kind === 'machine' || isMeasured(path, settings)) continue;
      throw new UsageError('gate/not-measured', `${where}: ${path.join('.')} will not be measured`, {
        hint: 'Let --only take in what the gate is about, or end the condition with "if available".',
      });
    }
  }
}

const STAGE_OF: Readonly<Record<string, Stage>> = {
  load: 'speed',
  speed: 'speed',
  memory: 'memory',
  perplexity: 'accuracy',
  divergence: 'accuracy',
  tasks: 'accuracy',
  choices: 'accuracy',
  tools: 'accuracy',
  toolsWithGrammar: 'accuracy',
};
const PART_OF: Readonly<Record<string, ReturnType<typeof partsOf>[number]>> = {
  perplexity: 'text',
  divergence: 'text',
  tasks: 'tasks',
  choices: 'choices',
  tools: 'tools',
  toolsWithGrammar: 'tools',
};

function isMeasured([first = '']: readonly string[], settings: Settings): boolean {
  const [stage, part] = [STAGE_OF[first], PART_OF[first]];
  if (stage !== undefined && !settings.only.includes(stage)) return false;
  return part === undefined || partsOf(settings).includes(part);
}
