import { isAvailable, type Unavailable, unavailableBecause } from '../schema/availability.ts';
import type { BenchResults, BenchRow } from '../schema/bench.ts';
import type { ContextResults, ContextRow } from '../schema/context.ts';
import type { FitReport } from '../schema/fit.ts';
import type { FittedVariant } from '../schema/phones.ts';
import type { Machine, Results } from '../schema/results.ts';
import { disturbanceText } from './baseline-judges.ts';
import type { RowKind } from './gate-figures.ts';

/** A row of any document, as gates see it. */
export interface GateRow {
  /** What a gate calls it. */
  readonly name: string;
  readonly kind: RowKind | 'endpoint';
  /** The file or address that it is of. */
  readonly ref: string;
  readonly figures: object;
  /** Why it failed; null where it did not. */
  readonly failure: string | null;
  /** What else the machine did while it was timed. */
  readonly disturbance: string | null;
}

/** What gates are judged on: the rows of one document of one machine. */
export interface Judgeable {
  readonly machine: Machine | null;
  readonly rows: readonly GateRow[];
  /** The row that others are compared with; null where there is none. */
  readonly reference: string | null;
  readonly recommended: string | Unavailable;
}

/** What `compare` and `eval` found: variants, and models behind endpoints. */
export function judgeableResults(results: Results): Judgeable {
  const { machine, variants, endpoints = [], reference, recommendation } = results;
  return {
    machine,
    reference,
    recommended: isAvailable(recommendation) ? recommendation.variant : recommendation,
    rows: [
      ...variants.map(
        (variant): GateRow => ({
          name: variant.name,
          kind: 'variant',
          ref: variant.ref,
          figures: variant,
          failure: variant.failure?.message ?? null,
          disturbance: isAvailable(variant.speed) ? disturbanceText(variant.speed.disturbed) : null,
        }),
      ),
      ...endpoints.map((endpoint): GateRow => {
        const failure = isAvailable(endpoint.tasks) ? null : endpoint.tasks.reason;
        return {
          name: endpoint.name,
          kind: 'endpoint',
          ref: endpoint.url,
          figures: endpoint,
          failure,
          disturbance: null,
        };
      }),
    ],
  };
}

const NO_REFERENCE = { reference: null, recommended: unavailableBecause('these results recommend nothing') };

/** What `bench` timed: a row for each model, test and setting, named `Q4_K_M tg128`. */
export function judgeableBench({ machine, rows }: Pick<BenchResults, 'machine' | 'rows'>): Judgeable {
  const names = uniqueNames(rows, [
    ({ model, test }) => `${model.quantization ?? model.label} ${test.name}`,
    ({ model }) => model.name ?? '',
    ({ config }) => config.gpu,
    ({ config }) => `ngl ${config.gpuLayers}`,
    ({ config }) => `${config.threads} threads`,
    ({ config }) => `batch ${config.batchSize}`,
    ({ config }) => `${config.keyType}/${config.valueType}`,
    ({ config }) => `fa ${config.flashAttention}`,
    ({ ref }) => ref,
  ]);
  return {
    machine,
    ...NO_REFERENCE,
    rows: rows.map((row, index) => ({
      name: names[index] ?? '',
      kind: 'bench',
      ref: row.ref,
      figures: row,
      failure: row.failure?.message ?? null,
      disturbance: disturbanceText(row.disturbed),
    })),
  };
}

/** What `context` measured: a row for each size and type of cache, named `4096 q8_0`. */
export function judgeableContext({
  machine,
  model,
  rows,
  cacheTypes,
  depths,
  recommendation,
}: ContextResults): Judgeable {
  return {
    machine,
    reference: null,
    recommended: isAvailable(recommendation) ? nameOfContext(recommendation) : recommendation,
    rows: rows.map((row) => ({
      name: nameOfContext(row),
      kind: 'context',
      ref: model.ref,
      figures: {
        ...row,
        cache: cacheTypes.find(({ cacheType }) => cacheType === row.cacheType)?.accuracy,
        full: depths.find(({ depth, cacheType }) => depth === row.contextSize && cacheType === row.cacheType)
          ?.measured,
      },
      failure: row.failure?.message ?? null,
      disturbance: disturbanceText(row.disturbed),
    })),
  };
}

function nameOfContext({ contextSize, cacheType }: Pick<ContextRow, 'contextSize' | 'cacheType'>): string {
  return `${contextSize} ${cacheType}`;
}

/** What `fit` says: a row for each phone and model, named `iphone-13-pro Q4_K_M`. */
export function judgeableFit({ devices }: FitReport): Judgeable {
  return {
    machine: null,
    ...NO_REFERENCE,
    rows: devices.flatMap(({ device, variants }) =>
      variants.map((variant) => ({
        name: `${device} ${variant.name}`,
        kind: 'phone' as const,
        ref: variant.ref,
        figures: phoneFigures(variant),
        failure: null,
        disturbance: null,
      })),
    ),
  };
}

/** The memory, what is left of the budget, and the speed on the backend that the memory is judged for. */
function phoneFigures({ memory, speeds, contextSize }: FittedVariant): object {
  const { budgetBytes, totalBytes } = memory;
  const speed = speeds.find(({ backend }) => backend === memory.backend);
  return {
    contextSize,
    memory: {
      ...memory,
      headroomBytes: typeof budgetBytes === 'number' ? budgetBytes - totalBytes : budgetBytes,
    },
    speed: speed ?? unavailableBecause('no speed of that backend is known'),
  };
}

/** How rows of two documents belong together: by all that a test is, not by its name, which depends on the other rows. */
export function keyOfBenchRow({ model, config, test, backend }: BenchRow): string {
  const { threadsBy: _, ...setting } = config;
  return JSON.stringify([model.label, model.name, setting, test, backend]);
}

/** The first fact, then only facts that part one row from another of the same name. */
function uniqueNames<Row>(rows: readonly Row[], facts: readonly ((row: Row) => string)[]): string[] {
  let names = rows.map(() => '');
  for (const [index, factOf] of facts.entries()) {
    const before = names;
    names = rows.map((row, at) => {
      const namesakes = rows.filter((_, other) => before[other] === before[at]);
      const fact = factOf(row);
      const parts = new Set(namesakes.map(factOf)).size > 1;
      return index === 0 ? fact : parts && fact !== '' ? `${before[at]} ${fact}` : (before[at] ?? '');
    });
  }
  return names;
}
