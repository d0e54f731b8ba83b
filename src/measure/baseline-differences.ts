import { isAvailable } from '../schema/availability.ts';
import type { Machine, Results } from '../schema/results.ts';
import { evaluationOf, machineIdentity } from './merge.ts';

/** Each null, or why figures of two runs do not compare. */
export interface Differences {
  readonly machines: string | null;
  readonly evaluations: string | null;
  readonly references: string | null;
  readonly tasks: string | null;
  readonly choices: string | null;
}

export function differencesBetween(now: Results, baseline: Results): Differences {
  const [asked, before] = [now.settings.evaluation, baseline.settings.evaluation];
  const sameTasks = asked.tasksSha256 === before.tasksSha256 && asked.taskItems === before.taskItems;
  return {
    machines: machineDifference(now, baseline),
    evaluations: evaluationDifference(now, baseline),
    references: referenceDifference(now, baseline),
    tasks: sameTasks ? null : 'other tasks',
    choices: asked.choicesSha256 === before.choicesSha256 ? null : 'other questions',
  };
}

function machineDifference(now: Results, baseline: Results): string | null {
  if (!isSameMachine(now.machine, baseline.machine)) return 'the baseline is from another machine';
  const setup = ({ settings }: Results) => {
    const { threads, promptThreads, gpu, gpuLayers, cacheType, batchSize, flashAttention } = settings;
    return JSON.stringify([threads, promptThreads, gpu, gpuLayers, cacheType, batchSize, flashAttention]);
  };
  return setup(now) === setup(baseline)
    ? null
    : 'the baseline ran with other threads, layers, batch or cache';
}

/** One machine, whatever the engine's version: a new engine is what a baseline is often compared for. */
export function isSameMachine(one: Machine, other: Machine): boolean {
  return machineIdentity(withoutVersions(one)) === machineIdentity(withoutVersions(other));
}

function withoutVersions(machine: Machine): Machine {
  if (!isAvailable(machine.engine)) return machine;
  return { ...machine, engine: { ...machine.engine, version: '', llamaCpp: '', build: '' } };
}

function evaluationDifference(now: Results, baseline: Results): string | null {
  const [facts, there] = [evaluationOf(now), evaluationOf(baseline)];
  const differing = Object.keys(facts).filter(
    (name) => !/^(?:task|choice)/.test(name) && facts[name] !== there[name],
  );
  return differing.length === 0 ? null : `the baseline differs in ${differing.join(', ')}`;
}

function referenceDifference(now: Results, baseline: Results): string | null {
  if (now.reference !== baseline.reference) return 'the baseline has another reference';
  const hashOf = ({ variants, reference }: Results) => {
    const hash = variants.find(({ name }) => name === reference)?.file.sha256;
    return hash !== undefined && isAvailable(hash) ? hash : null;
  };
  const [mine, theirs] = [hashOf(now), hashOf(baseline)];
  return mine !== null && theirs !== null && mine !== theirs ? 'the reference is another file' : null;
}
