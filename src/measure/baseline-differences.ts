import { isAvailable } from '../schema/availability.ts';
import type { Machine, Results, Settings } from '../schema/results.ts';
import { evaluationOf, machineIdentity } from './merge.ts';

/** Each null, or why figures of two runs do not compare. */

export function machineDifference(now: Results, baseline: Results): string | null {
  if (!isSameMachine(now.machine, baseline.machine)) {
    return 'the baseline is from another machine';
  }
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

export function evaluationDifference(now: Results, baseline: Results): string | null {
  const [facts, there] = [evaluationOf(now), evaluationOf(baseline)];
  const differing = Object.keys(facts).filter(
    (name) => !/^(?:task|choice)/.test(name) && facts[name] !== there[name],
  );
  return differing.length === 0 ? null : `the baseline differs in ${differing.join(', ')}`;
}

export function referenceDifference(now: Results, baseline: Results): string | null {
  if (now.reference !== baseline.reference) return 'the baseline has another reference';
  const hashOf = ({ variants, reference }: Results) => {
    const hash = variants.find(({ name }) => name === reference)?.file.sha256;
    return hash !== undefined && isAvailable(hash) ? hash : null;
  };
  const [mine, theirs] = [hashOf(now), hashOf(baseline)];
  return mine !== null && theirs !== null && mine !== theirs ? 'the reference is another file' : null;
}

export function tasksDifference(
  { evaluation: now }: Settings,
  { evaluation: then }: Settings,
): string | null {
  const same = now.tasksSha256 === then.tasksSha256 && now.taskItems === then.taskItems;
  return same ? null : 'other tasks';
}
