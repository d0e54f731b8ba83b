import { type RefAccess, refAccess } from '../../model/access.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { Check, ConfigFacts, DoctorReport, Examined } from '../../schema/doctor.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { examineEngine } from './engine.ts';
import { examineHub } from './hub.ts';
import { examineMachine, fact } from './machine.ts';
import { examineStorage } from './storage.ts';

export interface DoctorRequest {
  /** Whether the network is asked too. Default: true. */
  readonly hub?: boolean;
  /** The config files that give defaults here; what it throws is a failed check. Default: none. */
  readonly configFiles?: () => Promise<ConfigFacts>;
  readonly signal?: AbortSignal;
}

/**
 * What `quantscope doctor --json` prints: all on this machine that measuring needs, and what to do where it is not well.
 * The engine is started in a process of its own.
 * @throws the signal's reason; what is not well is a check
 */
export async function doctor(request: DoctorRequest = {}): Promise<DoctorReport> {
  const { hub: asksHub = true, configFiles, signal = new AbortController().signal } = request;
  const { access, checks: environment } = await examineEnvironment(signal);
  const whyNotAsked = !asksHub ? '--no-hub' : environment.length > 0 ? 'its settings are refused' : null;
  // The bandwidth first and alone: engines that start beside it would take part of it.
  const machine = await examineMachine(signal);
  const [engine, storage, hub, config] = await Promise.all([
    examineEngine(signal),
    examineStorage(access.hub),
    examineHub(access, whyNotAsked, signal),
    examineConfig(configFiles),
  ]);
  const checks = [...environment, ...[machine, engine, storage, hub, config].flatMap((each) => each.checks)];
  return {
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
}

/** Whether models can be measured here: nothing has failed, and an engine runs. */
export function isWell({ canMeasure, engine }: DoctorReport): boolean {
  return canMeasure && isAvailable(engine.inUse);
}

/** What refs are resolved by. Variables that are refused stop every command that resolves one, so they fail. */
async function examineEnvironment(
  signal: AbortSignal,
): Promise<{ readonly access: RefAccess; readonly checks: readonly Check[] }> {
  try {
    const access = await refAccess({ signal });
    access.hub.settings.token();
    return { access, checks: [] };
  } catch (thrown) {
    return {
      access: await refAccess({ signal, isBare: true }),
      checks: [failed('environment', thrown)],
    };
  }
}

/** A broken config file stops every command that has options of it, so it fails. */
async function examineConfig(read: DoctorRequest['configFiles']): Promise<Examined<ConfigFacts>> {
  try {
    const files = (await read?.()) ?? [];
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
