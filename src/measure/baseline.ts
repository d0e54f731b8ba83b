import { isAvailable, type Unavailable, unavailableBecause } from '../schema/availability.ts';
import type { BaselineComparison, Change } from '../schema/report.ts';
import type { EndpointResult, Results, VariantResult } from '../schema/results.ts';
import {
  evaluationDifference,
  machineDifference,
  referenceDifference,
  tasksDifference,
} from './baseline-differences.ts';
import {
  type Context,
  exactly,
  type Finding,
  judgeAnswers,
  judgeDivergence,
  judgePerplexity,
  judgeRates,
  rateOf,
  SPEED_TESTS,
  unjudged,
} from './baseline-judges.ts';

/** `better` and `worse` are beyond noise; `unknown` has a reason. */
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
  const changes = [
    ...now.variants.flatMap((after) => {
      const before = baseline.variants.find(({ name }) => name === after.name);
      return before === undefined ? [] : changesOf(before, after, context);
    }),
    ...(now.endpoints ?? []).flatMap((after) => {
      const before = baseline.endpoints?.find(({ name, url }) => name === after.name && url === after.url);
      return before === undefined ? [] : endpointChangesOf(before, after, context);
    }),
  ];
  const names = ({ variants, endpoints = [] }: Results) => [
    ...variants.map(({ name }) => name),
    ...endpoints.map(({ name, url }) => `${name} at ${url}`),
  ];
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

type AddChange = (
  figure: readonly [figure: string, label: string, unit: Change['unit'], better: Change['better']],
  values: readonly [before: number | Unavailable, after: number | Unavailable],
  judge: (before: number, after: number) => Finding,
) => void;

/** Collects the changes of one row. */
function changesFor(variant: string): { readonly changes: readonly Change[]; readonly add: AddChange } {
  const changes: Change[] = [];
  const add: AddChange = ([figure, label, unit, better], [old, new_], judge) => {
    // Missing on both sides is no change.
    if (!isAvailable(old) && !isAvailable(new_)) return;
    const common = { variant, figure, label, unit, better, before: old, after: new_ };
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
  return { changes, add };
}

function endpointChangesOf(
  before: EndpointResult,
  after: EndpointResult,
  context: Context,
): readonly Change[] {
  const { changes, add } = changesFor(`${after.name} at ${after.url}`);
  add(
    ['tasks', 'tasks correct', 'share', 'higher'],
    [figureOf(before.tasks, shareCorrect), figureOf(after.tasks, shareCorrect)],
    () => judgeAnswers(before.tasks, after.tasks, context.tasksDiffer, context),
  );
  add(['medianReplyMs', 'time of a reply', 'ms', 'lower'], [before.medianReplyMs, after.medianReplyMs], () =>
    unjudged('the network and the load of the server are in it'),
  );
  return changes;
}

function changesOf(before: VariantResult, after: VariantResult, context: Context): readonly Change[] {
  const { changes, add } = changesFor(after.name);
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
