import { isAvailable, type Unavailable, unavailableBecause } from './availability.ts';
import { evaluationOf, machineIdentity } from './merge.ts';
import type { Rate, Results, Settings, Speed, VariantResult } from './results.ts';
import { mcNemarExact } from './statistics.ts';
import { studentTwoSided, welchTest } from './welch.ts';

/** `better` and `worse` are beyond noise; `unknown` has a reason. */
export type ChangeVerdict = 'better' | 'worse' | 'within noise' | 'unknown';

/** One figure of one variant, before and after. */
export interface Change {
  readonly variant: string;
  /** The figure's place in a row of the results: `speed.generation.meanTps`. */
  readonly figure: string;
  readonly label: string;
  readonly unit: 'bytes' | 'tokens/s' | 'ms' | 'nats' | 'share' | 'ratio';
  readonly better: 'lower' | 'higher';
  readonly before: number | Unavailable;
  readonly after: number | Unavailable;
  readonly verdict: ChangeVerdict;
  /** How likely a difference this large is by chance; null where no test was possible or needed. */
  readonly pValue: number | null;
  /** How noise was told from change, or why it could not be. */
  readonly method: string;
}

export interface BaselineComparison {
  readonly baseline: { readonly createdAt: string; readonly toolVersion: string };
  readonly changes: readonly Change[];
  /** Variants of one side only, by name. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** What the two runs do not share, as sentences. */
  readonly notes: readonly string[];
}

export interface BaselineOptions {
  /** Differences less likely than this by chance count. Default: 0.05. */
  readonly significance?: number;
  /**
   * A relative change of a timed figure that never counts, for what differs between runs and not within them: heat,
   * other programs. Default: 0.
   */
  readonly speedAllowance?: number;
}

/**
 * What changed since an earlier run, figure by figure, and whether beyond noise: speed by Welch's t-test on the
 * repetitions; perplexity and divergence by their standard errors; answers by McNemar's exact test on the same items;
 * sizes as they are. Rows are paired by name.
 */
export function compareWithBaseline(
  now: Results,
  baseline: Results,
  { significance = 0.05, speedAllowance = 0 }: BaselineOptions = {},
): BaselineComparison {
  const context: Context = {
    significance,
    speedAllowance,
    machinesDiffer: machineDifference(now, baseline),
    evaluationsDiffer: evaluationDifference(now, baseline),
    referencesDiffer: referenceDifference(now, baseline),
    tasksDiffer: tasksDifference(now.settings, baseline.settings),
    choicesDiffer:
      now.settings.evaluation.choicesSha256 === baseline.settings.evaluation.choicesSha256
        ? null
        : 'other questions',
  };
  const changes = now.variants.flatMap((after) => {
    const before = baseline.variants.find(({ name }) => name === after.name);
    return before === undefined ? [] : changesOf(before, after, context);
  });
  const names = (results: Results) => results.variants.map(({ name }) => name);
  return {
    baseline: { createdAt: baseline.createdAt, toolVersion: baseline.tool.version },
    changes,
    added: names(now).filter((name) => !names(baseline).includes(name)),
    removed: names(baseline).filter((name) => !names(now).includes(name)),
    notes: [
      ...(context.machinesDiffer === null
        ? []
        : [`Speed and memory are not judged: ${context.machinesDiffer}.`]),
      ...(context.evaluationsDiffer === null
        ? []
        : [`Perplexity and divergence are not judged: ${context.evaluationsDiffer}.`]),
    ],
  };
}

interface Context {
  readonly significance: number;
  readonly speedAllowance: number;
  /** Each null, or why figures that depend on it do not compare. */
  readonly machinesDiffer: string | null;
  readonly evaluationsDiffer: string | null;
  readonly referencesDiffer: string | null;
  readonly tasksDiffer: string | null;
  readonly choicesDiffer: string | null;
}

/** What a test of two values found; `resolved` null where none was possible. */
interface Finding {
  readonly resolved: boolean | null;
  readonly pValue: number | null;
  readonly method: string;
}

function changesOf(before: VariantResult, after: VariantResult, context: Context): Change[] {
  const changes: Change[] = [];
  const add = (
    [figure, label, unit, better]: readonly [string, string, Change['unit'], Change['better']],
    [old, new_]: readonly [number | Unavailable, number | Unavailable],
    judge: (old: number, new_: number) => Finding,
  ): void => {
    // Missing on both sides is no change.
    if (!isAvailable(old) && !isAvailable(new_)) return;
    const common = { variant: after.name, figure, label, unit, better, before: old, after: new_ };
    if (!isAvailable(old) || !isAvailable(new_)) {
      const method = isAvailable(old) ? 'not measured now' : 'not measured in the baseline';
      changes.push({ ...common, verdict: 'unknown', pValue: null, method });
      return;
    }
    const { resolved, pValue, method } = judge(old, new_);
    const improved = better === 'lower' ? new_ < old : new_ > old;
    const verdict =
      resolved === null
        ? 'unknown'
        : !resolved || old === new_
          ? 'within noise'
          : improved
            ? 'better'
            : 'worse';
    changes.push({ ...common, verdict, pValue, method });
  };

  add(['file.bytes', 'size', 'bytes', 'lower'], [before.file.bytes, after.file.bytes], exactly);
  for (const [test, label] of SPEED_TESTS) {
    add(
      [`speed.${test}.meanTps`, label, 'tokens/s', 'higher'],
      pairOf(before, after, ({ speed }) =>
        figureOf(speed, (each) => figureOf(each[test], (rate) => rate.meanTps)),
      ),
      () => judgeRates(rateOf(before, test), rateOf(after, test), context),
    );
  }
  add(
    ['speed.firstTokenMs', 'time to first token', 'ms', 'lower'],
    pairOf(before, after, ({ speed }) => figureOf(speed, ({ firstTokenMs }) => firstTokenMs)),
    () => unjudged(context.machinesDiffer ?? 'kept as one median, without its spread'),
  );
  add(
    ['memory.peakRssBytes', 'peak memory', 'bytes', 'lower'],
    pairOf(before, after, ({ memory }) => figureOf(memory, ({ peakRssBytes }) => peakRssBytes)),
    () => unjudged(context.machinesDiffer ?? 'taken once, without its spread'),
  );
  for (const [part, label] of MEMORY_PARTS) {
    add(
      [`memory.${part}`, label, 'bytes', 'lower'],
      pairOf(before, after, ({ memory }) => figureOf(memory, (each) => each[part])),
      (old, new_) =>
        context.machinesDiffer === null ? exactly(old, new_) : unjudged(context.machinesDiffer),
    );
  }
  add(
    ['perplexity.value', 'perplexity', 'ratio', 'lower'],
    pairOf(before, after, ({ perplexity }) => figureOf(perplexity, ({ value }) => value)),
    () => judgePerplexity(before, after, context),
  );
  add(
    ['divergence.meanKld', 'mean KLD', 'nats', 'lower'],
    pairOf(before, after, ({ divergence }) => figureOf(divergence, ({ meanKld }) => meanKld)),
    (old, new_) => judgeDivergence(before, after, new_ - old, ({ stderrKld }) => stderrKld, context),
  );
  add(
    ['divergence.sameTop', 'same top token', 'share', 'higher'],
    pairOf(before, after, ({ divergence }) => figureOf(divergence, ({ sameTop }) => sameTop)),
    (old, new_) => judgeDivergence(before, after, new_ - old, ({ sameTopStderr }) => sameTopStderr, context),
  );
  add(
    ['tasks', 'tasks correct', 'share', 'higher'],
    pairOf(before, after, ({ tasks }) => figureOf(tasks, shareCorrect)),
    () => judgeAnswers(before.tasks, after.tasks, context.tasksDiffer, context),
  );
  add(
    ['choices', 'choices right', 'share', 'higher'],
    pairOf(before, after, ({ choices }) =>
      choices === undefined ? unavailableBecause('not asked for') : figureOf(choices, shareCorrect),
    ),
    () => judgeAnswers(before.choices, after.choices, context.choicesDiffer, context),
  );
  return changes;
}

const SPEED_TESTS = [
  ['prompt', 'prompt speed'],
  ['generation', 'generation speed'],
  ['generationAtDepth', 'generation speed at depth'],
] as const satisfies [keyof Speed, string][];
type SpeedTest = (typeof SPEED_TESTS)[number][0];

const MEMORY_PARTS = [
  ['weightsBytes', "the weights' memory"],
  ['kvBytes', "the KV cache's memory"],
  ['computeBytes', "the compute buffers' memory"],
] as const;

function pairOf(
  before: VariantResult,
  after: VariantResult,
  read: (variant: VariantResult) => number | Unavailable,
): [number | Unavailable, number | Unavailable] {
  return [read(before), read(after)];
}

function figureOf<Value, Figure>(
  value: Value | Unavailable,
  read: (value: Exclude<Value, Unavailable>) => Figure,
): Figure | Unavailable {
  // The guard narrows to exactly this type; its negation does not narrow a type parameter.
  return isAvailable(value) ? read(value) : (value as Unavailable);
}

function shareCorrect({ correct, total }: { correct: number; total: number }): number | Unavailable {
  return total === 0 ? unavailableBecause('no items') : correct / total;
}

function exactly(old: number, new_: number): Finding {
  return { resolved: old !== new_, pValue: null, method: 'exact: has no noise' };
}

function unjudged(reason: string): Finding {
  return { resolved: null, pValue: null, method: reason };
}

function rateOf({ speed }: VariantResult, test: SpeedTest): Rate | null {
  if (!isAvailable(speed)) return null;
  const rate = speed[test];
  return isAvailable(rate) ? rate : null;
}

function judgeRates(before: Rate | null, after: Rate | null, context: Context): Finding {
  if (context.machinesDiffer !== null) return unjudged(context.machinesDiffer);
  if (before === null || after === null) return unjudged('not measured');
  if (testOf(before) !== testOf(after)) return unjudged('another number of tokens, or another depth');
  const pValue = welchTest(ratesOf(before), ratesOf(after));
  if (pValue === null) return unjudged('fewer than two repetitions');
  const relative = Math.abs(after.meanTps / before.meanTps - 1);
  const resolved = pValue < context.significance && relative > context.speedAllowance;
  const method = `Welch's t-test on ${before.samplesNs.length} and ${after.samplesNs.length} repetitions`;
  return { resolved, pValue, method };
}

function testOf(rate: Rate | (Rate & { depth: number })): string {
  return `${rate.tokens}@${'depth' in rate ? rate.depth : 0}`;
}

function ratesOf({ tokens, samplesNs }: Rate): number[] {
  return samplesNs
    .filter((nanoseconds) => nanoseconds > 0)
    .map((nanoseconds) => (tokens * 1e9) / nanoseconds);
}

/**
 * The terms of the two perplexities are not kept, so they cannot be paired with each other. Both were paired with the
 * same reference, though: the difference of the two ln ratios has at most the two errors added in quadrature, as long
 * as these are not correlated negatively. Without a reference in common only the far larger errors of the perplexities
 * themselves are left.
 */
function judgePerplexity(before: VariantResult, after: VariantResult, context: Context): Finding {
  if (context.evaluationsDiffer !== null) return unjudged(context.evaluationsDiffer);
  const [old, new_] = [before.perplexity, after.perplexity];
  if (!isAvailable(old) || !isAvailable(new_)) return unjudged('not measured');
  if (old.tokens !== new_.tokens) return unjudged('another number of tokens');
  const difference = Math.log(new_.value / old.value);
  const [paired, pairedNow] = [before.divergence, after.divergence];
  const errors = [old.stderr / old.value, new_.stderr / new_.value];
  if (context.referencesDiffer !== null || !isAvailable(paired) || !isAvailable(pairedNow)) {
    return judgeByError(
      difference,
      errors,
      'standard errors of the perplexities, which are not paired',
      context,
    );
  }
  const ratioErrors = [paired.lnPplRatioStderr, pairedNow.lnPplRatioStderr];
  // The reference's ratio to itself has no error: what is left is its own.
  if (Math.hypot(...ratioErrors) === 0) {
    return judgeByError(
      difference,
      errors,
      'standard errors of the perplexities, which are not paired',
      context,
    );
  }
  const ratio = pairedNow.lnPplRatio - paired.lnPplRatio;
  return judgeByError(ratio, ratioErrors, 'standard errors of ln(PPL / PPL of the reference)', context);
}

type AvailableDivergence = Exclude<VariantResult['divergence'], Unavailable>;

function judgeDivergence(
  before: VariantResult,
  after: VariantResult,
  difference: number,
  errorOf: (divergence: AvailableDivergence) => number,
  context: Context,
): Finding {
  const why = context.evaluationsDiffer ?? context.referencesDiffer;
  if (why !== null) return unjudged(why);
  const [old, new_] = [before.divergence, after.divergence];
  if (!isAvailable(old) || !isAvailable(new_)) return unjudged('not measured');
  if (old.method !== new_.method) return unjudged('one is exact, the other a lower bound');
  return judgeByError(difference, [errorOf(old), errorOf(new_)], 'standard errors, not paired', context);
}

/** Normal: thousands of positions stand behind each error. */
function judgeByError(
  difference: number,
  errors: readonly number[],
  method: string,
  { significance }: Context,
): Finding {
  const error = Math.hypot(...errors);
  if (error === 0) return { resolved: difference !== 0, pValue: null, method: 'exact: has no noise' };
  const pValue = twoSidedNormal(difference / error);
  return { resolved: pValue < significance, pValue, method };
}

function judgeAnswers(
  before: VariantResult['tasks'] | undefined,
  after: VariantResult['tasks'] | undefined,
  otherItems: string | null,
  { significance }: Context,
): Finding {
  if (otherItems !== null) return unjudged(otherItems);
  if (before === undefined || after === undefined) return unjudged('not measured');
  if (!isAvailable(before) || !isAvailable(after)) return unjudged('not measured');
  const [old, new_] = [before.outcomes, after.outcomes];
  if (old.length === 0 || old.length !== new_.length)
    return unjudged('the answers to each item were not kept');
  const lost = old.filter((right, item) => right && !new_[item]).length;
  const gained = old.filter((right, item) => !right && new_[item] === true).length;
  const pValue = mcNemarExact(lost, gained);
  return {
    resolved: pValue < significance,
    pValue,
    method: `McNemar's exact test: ${lost} lost, ${gained} gained of ${old.length}`,
  };
}

function machineDifference(now: Results, baseline: Results): string | null {
  if (machineIdentity(withoutVersions(now.machine)) !== machineIdentity(withoutVersions(baseline.machine))) {
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

/** A new engine is what a baseline is often compared for. */
function withoutVersions(machine: Results['machine']): Results['machine'] {
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

function tasksDifference({ evaluation: now }: Settings, { evaluation: then }: Settings): string | null {
  const same = now.tasksSha256 === then.tasksSha256 && now.taskItems === then.taskItems;
  return same ? null : 'other tasks';
}

/** P(|Z| ≥ z), Z standard normal: Student's distribution with so many degrees of freedom is normal to 1e-7. */
function twoSidedNormal(z: number): number {
  return studentTwoSided(Math.abs(z), NORMAL_DEGREES);
}

const NORMAL_DEGREES = 1e7;
