import { isAvailable, type Unavailable, unavailableBecause } from '../schema/availability.ts';
import type { BaselineComparison, Change } from '../schema/report.ts';
import type { EndpointResult, Results, VariantResult } from '../schema/results.ts';
import { ANSWER_KINDS } from '../schema/terms.ts';
import { differencesBetween } from './baseline-differences.ts';
import {
  exactly,
  exactlyHere,
  type Judge,
  judgeAnswers,
  judgeDivergence,
  judgePerplexity,
  judgeRates,
  type Pair,
  unjudged,
  withoutSpread,
} from './baseline-judges.ts';
import { figureAt } from './gate-figures.ts';

/** `better` and `worse` are beyond noise; `unknown` has a reason. */
export interface BaselineOptions {
  /** Differences of accuracy less likely than this by chance count. Default: 0.05. */
  readonly significance?: number;
  /**
   * A relative change of a timed figure that never counts, for what differs between runs and not within them: heat,
   * other programs. Default: 0.
   */
  readonly speedAllowance?: number;
}

/** A figure of a row by its place, and how noise is told from change. */
export type Compared<Row> = readonly [
  figure: string,
  label: string,
  unit: Change['unit'],
  better: Change['better'],
  judge: Judge<Row>,
];

const VARIANT_FIGURES: readonly Compared<VariantResult>[] = [
  ['file.bytes', 'size', 'bytes', 'lower', exactly],
  ['speed.prompt.meanTps', 'prompt speed', 'tokens/s', 'higher', judgeRates('prompt')],
  ['speed.generation.meanTps', 'generation speed', 'tokens/s', 'higher', judgeRates('generation')],
  [
    'speed.generationAtDepth.meanTps',
    'generation speed at depth',
    'tokens/s',
    'higher',
    judgeRates('generationAtDepth'),
  ],
  [
    'speed.firstTokenMs',
    'time to first token',
    'ms',
    'lower',
    withoutSpread('kept as one median, without its spread'),
  ],
  ['memory.peakRssBytes', 'peak memory', 'bytes', 'lower', withoutSpread('taken once, without its spread')],
  ['memory.weightsBytes', "the weights' memory", 'bytes', 'lower', exactlyHere],
  ['memory.kvBytes', "the KV cache's memory", 'bytes', 'lower', exactlyHere],
  ['memory.computeBytes', "the compute buffers' memory", 'bytes', 'lower', exactlyHere],
  ['perplexity.value', 'perplexity', 'ratio', 'lower', judgePerplexity],
  ['divergence.meanKld', 'mean KLD', 'nats', 'lower', judgeDivergence('stderrKld')],
  ['divergence.sameTop', 'same top token', 'share', 'higher', judgeDivergence('sameTopStderr')],
  ['tasks', 'tasks correct', 'share', 'higher', judgeAnswers('tasks')],
  ['choices', 'choices right', 'share', 'higher', judgeAnswers('choices')],
  ['tools', 'tool calls right', 'share', 'higher', judgeAnswers('tools')],
  [
    'toolsWithGrammar',
    'tool calls right under a grammar',
    'share',
    'higher',
    judgeAnswers('toolsWithGrammar'),
  ],
];

const ENDPOINT_FIGURES: readonly Compared<EndpointResult>[] = [
  ['tasks', 'tasks correct', 'share', 'higher', judgeAnswers('tasks')],
  [
    'medianReplyMs',
    'time of a reply',
    'ms',
    'lower',
    () => unjudged('the network and the load of the server are in it'),
  ],
];

/**
 * What changed since an earlier run, figure by figure, and whether beyond noise: speed by `testRuns` at 1 in 100;
 * perplexity and divergence by their standard errors; answers by McNemar's exact test on the same items;
 * sizes as they are. Rows are paired by name.
 */
export function compareWithBaseline(
  now: Results,
  baseline: Results,
  { significance = 0.05, speedAllowance = 0 }: BaselineOptions = {},
): BaselineComparison {
  const differences = differencesBetween(now, baseline);
  const pairs = now.variants.flatMap((after) => {
    const before = baseline.variants.find(({ name }) => name === after.name);
    return before === undefined ? [] : [{ before, after }];
  });
  const context = { differences, significance, speedAllowance };
  const changes = [
    ...pairs.flatMap((pair) =>
      changesOf(pair.after.name, { ...pair, all: pairs, ...context }, VARIANT_FIGURES),
    ),
    ...(now.endpoints ?? []).flatMap((after) => {
      const before = baseline.endpoints?.find(({ name, url }) => name === after.name && url === after.url);
      return before === undefined
        ? []
        : changesOf(nameOf(after), { before, after, all: [], ...context }, ENDPOINT_FIGURES);
    }),
  ];
  const names = ({ variants, endpoints = [] }: Results) => [
    ...variants.map(({ name }) => name),
    ...endpoints.map(nameOf),
  ];
  const { machines, evaluations } = differences;
  return {
    baseline: { createdAt: baseline.createdAt, toolVersion: baseline.tool.version },
    changes,
    added: names(now).filter((name) => !names(baseline).includes(name)),
    removed: names(baseline).filter((name) => !names(now).includes(name)),
    notes: [
      ...(machines === null ? [] : [`Speed and memory are not judged: ${machines}.`]),
      ...(evaluations === null ? [] : [`Perplexity and divergence are not judged: ${evaluations}.`]),
    ],
  };
}

function nameOf({ name, url }: EndpointResult): string {
  return `${name} at ${url}`;
}

export function changesOf<Row extends object>(
  variant: string,
  pair: Omit<Pair<Row>, 'old' | 'new_'>,
  figures: readonly Compared<Row>[],
): Change[] {
  return figures.flatMap(([figure, label, unit, better, judge]) => {
    const [old, new_] = [figureOf(pair.before, figure), figureOf(pair.after, figure)];
    const common = { variant, figure, label, unit, better, before: old, after: new_ };
    if (!isAvailable(old) || !isAvailable(new_)) {
      // Missing on both sides is no change.
      if (!isAvailable(old) && !isAvailable(new_)) return [];
      const method = isAvailable(old) ? 'not measured now' : 'not measured in the baseline';
      return [{ ...common, verdict: 'unknown', pValue: null, method }];
    }
    const { resolved, pValue, method, isDisturbed = false } = judge({ ...pair, old, new_ });
    const change = (better === 'lower' ? new_ < old : new_ > old) ? 'better' : 'worse';
    const verdict = isDisturbed
      ? 'disturbed'
      : resolved === null
        ? 'unknown'
        : !resolved || old === new_
          ? 'within noise'
          : change;
    return [{ ...common, verdict, pValue, method }];
  });
}

/** Of answers the share that is right. */
function figureOf(row: object, figure: string): number | Unavailable {
  const isOfAnswers = ANSWER_KINDS.some((kind) => kind === figure);
  if (isOfAnswers && !(figure in row)) return unavailableBecause('not asked for');
  return figureAt(row, isOfAnswers ? [figure, 'accuracy'] : figure.split('.'));
}
