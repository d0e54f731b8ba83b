import { isAvailable } from '../schema/availability.ts';
import type { Results } from '../schema/results.ts';
import { evaluationOf } from './merge.ts';
import { machineDifferences } from './same-machine.ts';

/** Each null, or why figures of two runs do not compare. */
export interface Differences {
  readonly machines: string | null;
  readonly evaluations: string | null;
  readonly references: string | null;
  readonly tasks: string | null;
  readonly choices: string | null;
  readonly tools: string | null;
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
    tools: asked.toolsSha256 === before.toolsSha256 ? null : 'other tool calls',
  };
}

function machineDifference(now: Results, baseline: Results): string | null {
  const differing = machineDifferences(now.machine, baseline.machine);
  if (differing.length > 0) return `the baseline is from another machine: ${differing.join('; ')}`;
  const set = setupDifferences(now, baseline);
  return set.length === 0 ? null : `the baseline ran in another way: ${set.join('; ')}`;
}

/** In what two runs were set up differently, field by field. */
export function setupDifferences(here: Results, there: Results): string[] {
  const [mine, theirs] = [setupOf(here), setupOf(there)];
  return Object.keys(mine)
    .filter((name) => mine[name] !== theirs[name])
    .map((name) => `${name} ${theirs[name]} there, ${mine[name]} here`);
}

function setupOf({ settings }: Results): Readonly<Record<string, unknown>> {
  const { threads, promptThreads = threads, gpu, gpuLayers, cacheType, batchSize, flashAttention } = settings;
  return {
    threads,
    'prompt threads': promptThreads,
    gpu,
    'gpu layers': gpuLayers,
    'cache type': cacheType,
    'batch size': batchSize,
    'flash attention': flashAttention,
    // Each repetition then has a process of its own.
    interleave: settings.interleave ?? false,
  };
}

function evaluationDifference(now: Results, baseline: Results): string | null {
  const [facts, there] = [evaluationOf(now), evaluationOf(baseline)];
  const differing = Object.keys(facts).filter(
    (name) => !/^(?:task|choice|tool)/.test(name) && facts[name] !== there[name],
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
