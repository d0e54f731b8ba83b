import type { Command } from 'commander';
import { examineEngine } from '../../api/doctor/engine.ts';
import { examineHub } from '../../api/doctor/hub.ts';
import { examineMachine, fact } from '../../api/doctor/machine.ts';
import { examineStorage } from '../../api/doctor/storage.ts';
import { type RefAccess, refAccess } from '../../model/access.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { Check, ConfigFacts, DoctorReport, Examined } from '../../schema/doctor.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import type { ProgramContext } from '../command-context.ts';
import { loadConfigs } from '../config.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import type { DoctorOptions } from './command.ts';
import { renderDoctor } from './text.ts';

/** `doctor`: looks at everything, prints it, and says by its exit code whether models can be measured here. */
export async function runDoctor(
  { json, hub: asksHub }: DoctorOptions,
  command: Command,
  { signal, definitions }: ProgramContext,
): Promise<ExitCode> {
  const { access, checks: environment } = await examineEnvironment(signal);
  const whyNotAsked = !asksHub ? '--no-hub' : environment.length > 0 ? 'its settings are refused' : null;
  // The bandwidth first and alone: engines that start beside it would take part of it.
  const machine = await examineMachine(signal);
  const [engine, storage, hub, config] = await Promise.all([
    examineEngine(signal),
    examineStorage(access.hub),
    examineHub(access, whyNotAsked, signal),
    examineConfig(command.parent ?? command, definitions),
  ]);
  const checks = [...environment, ...[machine, engine, storage, hub, config].flatMap((each) => each.checks)];
  const report: DoctorReport = {
    schema: 'quantscope/doctor@1',
    quantscope: packageVersion(),
    canMeasure: checks.every(({ status }) => status !== 'failed'),
    checks,
    machine: machine.facts,
    engine: engine.facts,
    storage: storage.facts,
    hub: hub.facts,
    config: config.facts,
  };
  process.stdout.write(
    json ? `${JSON.stringify(report, null, 2)}\n` : renderDoctor(report, terminalStyle(process.stdout)),
  );
  return report.canMeasure && isAvailable(report.engine.inUse) ? EXIT.done : EXIT.finding;
}

/** What refs are resolved by. Variables that are refused stop every command that resolves one, so they fail. */
async function examineEnvironment(
  signal: AbortSignal,
): Promise<{ readonly access: RefAccess; readonly checks: readonly Check[] }> {
  try {
    return { access: await refAccess({ signal }), checks: [] };
  } catch (thrown) {
    return {
      access: await refAccess({ signal, isBare: true }),
      checks: [failed('environment', thrown)],
    };
  }
}

/** Which config files give defaults here. A broken one stops every command that has options of it, so it fails. */
async function examineConfig(
  program: Command,
  definitions: ProgramContext['definitions'],
): Promise<Examined<ConfigFacts>> {
  try {
    const files = (await loadConfigs(program, definitions)).map(({ path, whose }) => ({ path, whose }));
    const message = files.map(({ path, whose }) => `${path} (${whose})`).join(', then ') || 'none';
    return { facts: files, checks: [fact('config', message)] };
  } catch (thrown) {
    return { facts: [], checks: [failed('config', thrown)] };
  }
}

/** @throws what is no error of the environment's */
function failed(id: string, thrown: unknown): Check {
  if (!(thrown instanceof QuantscopeError)) throw thrown;
  const { message, hint = null } = thrown;
  return { id, label: id, status: 'failed', message, fix: hint };
}
