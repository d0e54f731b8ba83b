import { isAvailable, notAskedFor } from '../schema/availability.ts';
import type { Results, Settings, VariantResult } from '../schema/results.ts';
import { UsageError } from '../util/errors.ts';
import { answersOf } from './answers.ts';
import { decided } from './decide.ts';
import { machineLabels } from './merge-labels.ts';
import { pooledRow } from './pool-runs.ts';
import { isSameMachine } from './same-machine.ts';

/** Results with where they were read, for messages. */
export interface ResultsFile {
  readonly path: string;
  readonly results: Results;
}

/** What was measured on one machine in one setup: rows that may stand in one comparison. */
export interface MachineResults {
  /** Short, and unlike every other's: the processor, and what else tells them apart. */
  readonly label: string;
  readonly sources: readonly string[];
  readonly results: Results;
}

/** Which figures are to stand beside each other: only those must have been taken alike. */
export type MergeScope = 'all' | 'speed' | 'accuracy';

/**
 * Puts results of several runs together. Files of one run (resumed, copied) become one row a variant, the more complete
 * one; several runs of one configuration become one row too, whose speeds keep the runs apart. A variant that was
 * measured on two machines or in two setups keeps its rows apart, and so do two files of one name. A recommendation is
 * made anew where rows came together.
 * @param files in the order they shall be shown in; at least one
 * @throws UsageError `report/different-models`, `report/other-evaluation`, `report/other-speed-test`,
 *   `report/other-reference`, naming what differs and where
 */
export function mergeResults(files: readonly ResultsFile[], scope: MergeScope = 'all'): MachineResults[] {
  requireMergeable(files, scope);
  const groups: ResultsFile[][] = [];
  for (const file of [...files].sort((a, b) => compareText(a.results.createdAt, b.results.createdAt))) {
    const group = groups.find((members) => belongsTo(file, members));
    if (group === undefined) groups.push([file]);
    else group.push(file);
  }
  const place = (group: readonly ResultsFile[]) => Math.min(...group.map((file) => files.indexOf(file)));
  groups.sort((a, b) => place(a) - place(b));
  const merged = groups.map((group) => narrowed(unite(group), scope));
  const labels = machineLabels(merged);
  return merged.map((results, index) => ({
    label: labels[index] ?? '',
    sources: (groups[index] ?? []).map(({ path }) => path),
    results,
  }));
}

/** Of one setup, and with no row of another file under a name that the group has already. */
function belongsTo({ results }: ResultsFile, members: readonly ResultsFile[]): boolean {
  const [first] = members;
  if (first === undefined || !isOneSetup(first.results, results)) return false;
  return members.every(
    ({ results: member }) =>
      member.createdAt === results.createdAt ||
      member.variants.every((variant) => {
        const same = results.variants.find(({ name }) => name === variant.name);
        return same === undefined || isOneFile(variant, same);
      }),
  );
}

/** All that must be equal for two runs to be of one model on one machine in one setup. */
function isOneSetup(one: Results, other: Results): boolean {
  return isSameMachine(one.machine, other.machine) && setupOf(one) === setupOf(other);
}

function setupOf(results: Results): string {
  const { machine, settings } = results;
  const { repetitions, batchSize, threads, promptThreads, gpu, gpuLayers, flashAttention, cacheType, seed } =
    settings;
  const { engine } = machine;
  return JSON.stringify([
    isAvailable(engine) ? [engine.name, engine.version, engine.llamaCpp, engine.build] : [],
    modelOf(results),
    [repetitions, batchSize, threads, promptThreads, gpu, gpuLayers, flashAttention, cacheType, seed],
    settings.interleave ?? false,
  ]);
}

/** By content where it is known. */
function isOneFile({ file: one }: VariantResult, { file: other }: VariantResult): boolean {
  if (isAvailable(one.sha256) && isAvailable(other.sha256)) return one.sha256 === other.sha256;
  return one.bytes === other.bytes;
}

/** Rows of one run are one, the more complete one; those of several runs are pooled. */
function unite(group: readonly ResultsFile[]): Results {
  const [first, ...others] = group.map(({ results }) => results);
  if (first === undefined) throw new UsageError('report/no-results', 'there are no results to report');
  if (others.length === 0) return first;
  const rows = new Map<string, Map<string, VariantResult>>();
  for (const { createdAt, variants } of [first, ...others]) {
    for (const variant of variants) {
      const runs = rows.get(variant.name) ?? new Map<string, VariantResult>();
      rows.set(variant.name, runs);
      const before = runs.get(createdAt);
      if (before === undefined || completeness(variant) >= completeness(before)) runs.set(createdAt, variant);
    }
  }
  const variants = [...rows.values()].map((runs) => pooledRow([...runs.values()]));
  const reference = first.reference ?? others.find((each) => each.reference !== null)?.reference ?? null;
  const questions = [first, ...others].find((each) => each.questions !== undefined)?.questions;
  const endpoints = [first, ...others].flatMap((each) => each.endpoints ?? []);
  const began = [...new Set([first, ...others].flatMap(({ createdAt, runs = [createdAt] }) => runs))];
  return {
    ...first,
    ...(began.length === 1 ? {} : { runs: began }),
    reference,
    variants,
    ...(questions === undefined ? {} : { questions }),
    ...(endpoints.length === 0 ? {} : { endpoints: distinct(endpoints) }),
    ...decided({ ...first, variants, reference }),
    warnings: [...new Set([first, ...others].flatMap(({ warnings }) => warnings))],
  };
}

/** How many of a row's figures are there; a row that ran counts above any that failed. */
function completeness(variant: VariantResult): number {
  const figures = [variant.quantization, variant.load, variant.speed, variant.memory, variant.perplexity];
  const losses = [variant.divergence, variant.tasks, variant.weights];
  const there = [...figures, ...losses].filter((figure) => isAvailable<unknown>(figure)).length;
  return there + (variant.status === 'ok' ? 100 : 0);
}

function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

/** Only the figures in scope: the others may have been taken in ways that do not compare. */
function narrowed(results: Results, scope: MergeScope): Results {
  if (scope === 'all') return results;
  const variants = results.variants.map((variant): VariantResult => {
    if (scope === 'speed') {
      const { choices: _, tools: __, toolsWithGrammar: ___, toolTelling: ____, ...rest } = variant;
      const absent = notAskedFor('accuracy');
      return { ...rest, perplexity: absent, divergence: absent, tasks: absent, weights: absent };
    }
    const [speed, memory] = [notAskedFor('speed'), notAskedFor('memory')];
    return { ...variant, load: speed, speed, memory };
  });
  const only = scope === 'speed' ? (['size', 'speed', 'memory'] as const) : (['size', 'accuracy'] as const);
  return {
    ...results,
    settings: { ...results.settings, only: [...only] },
    variants,
    ...decided({ ...results, variants }),
  };
}

function requireMergeable(files: readonly ResultsFile[], scope: MergeScope): void {
  if (scope !== 'speed') {
    requireAlike(files, modelOf, 'report/different-models', 'are of different models');
    const evaluated = files.filter(({ results }) => results.variants.some(hasAccuracy));
    requireAlike(evaluated, evaluationOf, 'report/other-evaluation', 'were evaluated in different ways');
    requireAlike(evaluated, referenceOf, 'report/other-reference', 'compare with different references');
  }
  if (scope !== 'accuracy') {
    const timed = files.filter(({ results }) => results.variants.some(({ speed }) => isAvailable(speed)));
    requireAlike(timed, speedTestOf, 'report/other-speed-test', 'timed different tests');
  }
}

type Facts = Readonly<Record<string, string | number | null>>;

const SAY_ONLY = {
  'report/different-models':
    'Report each model by itself. Speeds of different models can be shown together with --only speed.',
  'report/other-evaluation': 'Evaluate again with equal settings, or show only what compares: --only speed.',
  'report/other-reference': 'Name one --reference for all runs, or show only what compares: --only speed.',
  'report/other-speed-test':
    'Measure again with equal -p, -n and -d, or show only what compares: --only accuracy.',
} as const;

/** A fact that one side does not know (null) cannot differ. */
function requireAlike(
  files: readonly ResultsFile[],
  factsOf: (results: Results) => Facts,
  code: keyof typeof SAY_ONLY,
  what: string,
): void {
  const [first, ...others] = files;
  if (first === undefined) return;
  const expected = factsOf(first.results);
  for (const { path, results } of others) {
    const got = factsOf(results);
    const differing = Object.keys(expected).filter(
      (name) => got[name] !== null && expected[name] !== null && got[name] !== expected[name],
    );
    if (differing.length === 0) continue;
    const said = differing.map((name) => `${name} ${shown(expected[name])} there, ${shown(got[name])} here`);
    throw new UsageError(code, `${first.path} and ${path} ${what}: ${said.join('; ')}`, {
      hint: SAY_ONLY[code],
    });
  }
}

function modelOf({ variants }: Results): Facts {
  const model = variants.map((variant) => variant.model).find((each) => isAvailable(each));
  if (model === undefined || !isAvailable(model)) return { architecture: null, parameters: null };
  return { architecture: model.architecture, parameters: model.parameters };
}

/** What must be equal for perplexities, divergences and answers to be of one test. */
export function evaluationOf({ settings: { evaluation, cacheType } }: { settings: Settings }): Facts {
  return {
    'text (sha256)': evaluation.textSha256,
    'tokens in a chunk': evaluation.contextSize,
    chunks: evaluation.chunks ?? 'all',
    'tasks (sha256)': evaluation.tasksSha256,
    'task items': evaluation.taskItems,
    'choices (sha256)': evaluation.choicesSha256 ?? null,
    'tool calls (sha256)': evaluation.toolsSha256 ?? null,
    'cache type': cacheType,
  };
}

function referenceOf({ reference, variants }: Results): Facts {
  const row = variants.find(({ name }) => name === reference);
  const sha256 = row?.file.sha256;
  return { reference, 'its sha256': sha256 !== undefined && isAvailable(sha256) ? sha256 : null };
}

function speedTestOf({ settings }: Results): Facts {
  const { promptTokens, generationTokens, depth } = settings;
  return { 'prompt tokens': promptTokens, 'generated tokens': generationTokens, depth };
}

function hasAccuracy(row: VariantResult): boolean {
  const hasAnswers = (['tasks', 'tools'] as const).some((kind) => answersOf(row, kind) !== null);
  return isAvailable(row.perplexity) || isAvailable(row.divergence) || hasAnswers;
}

function shown(value: string | number | null | undefined): string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? `${value.slice(0, 12)}…` : String(value);
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
