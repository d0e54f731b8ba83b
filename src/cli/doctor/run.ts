import type { Command } from 'commander';
import { isAvailable } from '../../measure/availability.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { loadConfigs } from '../config.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { packageVersion } from '../package-files.ts';
import { refAccess } from '../ref-access.ts';
import { terminalStyle } from '../style.ts';
import type { DoctorOptions } from './command.ts';
import type { Check, ConfigFacts, DoctorReport, Examined } from './contract.ts';
import { examineEngine } from './engine.ts';
import { examineHub } from './hub.ts';
import { examineMachine, fact } from './machine.ts';
import { examineStorage } from './storage.ts';
import { renderDoctor } from './text.ts';

/** `doctor`: looks at everything, prints it, and says by its exit code whether models can be measured here. */
export async function runDoctor(
  { json, hub: asksHub }: DoctorOptions,
  command: Command,
  signal: AbortSignal,
): Promise<ExitCode> {
  const access = await refAccess({ signal });
  // The bandwidth first and alone: engines that start beside it would take part of it.
  const machine = await examineMachine(signal);
  const [engine, storage, hub, config] = await Promise.all([
    examineEngine(signal),
    examineStorage(access.hub),
    examineHub(access, asksHub, signal),
    examineConfig(command.parent ?? command),
  ]);
  const checks = [machine, engine, storage, hub, config].flatMap((examined) => examined.checks);
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

/** Which config files give defaults here. A broken one stops every command that has options of it, so it fails. */
async function examineConfig(program: Command): Promise<Examined<ConfigFacts>> {
  try {
    const files = (await loadConfigs(program)).map(({ path, whose }) => ({ path, whose }));
    const message = files.map(({ path, whose }) => `${path} (${whose})`).join(', then ') || 'none';
    return { facts: files, checks: [fact('config', message)] };
  } catch (thrown) {
    if (!(thrown instanceof QuantscopeError)) throw thrown;
    const { message, hint = null } = thrown;
    const check: Check = { id: 'config', label: 'config', status: 'failed', message, fix: hint };
    return { facts: [], checks: [check] };
  }
}
