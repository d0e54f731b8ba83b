import { isAvailable } from '../schema/availability.ts';
import { taskKinds } from './loss-columns.ts';
import { endpointsOf, type Report, rowsOf } from './report.ts';
import { type CsvRecord, type CsvValue, tableCsv } from './table-csv.ts';

/** Metrics of a row by their place in the results, which carries their unit. */
const VARIANT_METRICS = [
  'file.bytes',
  'file.sha256',
  'model.architecture',
  'model.name',
  'model.parameters',
  'quantization.label',
  'quantization.bitsPerWeight',
  'load.coldMs',
  'load.warmMs',
  'speed.prompt.tokens',
  'speed.prompt.meanTps',
  'speed.prompt.stddevTps',
  'speed.generation.tokens',
  'speed.generation.meanTps',
  'speed.generation.stddevTps',
  'speed.generationAtDepth.depth',
  'speed.generationAtDepth.meanTps',
  'speed.generationAtDepth.stddevTps',
  'speed.firstTokenMs',
  'speed.effectiveBandwidthBytesPerSecond',
  'memory.peakRssBytes',
  'memory.anonymousBytes',
  'memory.weightsBytes',
  'memory.kvBytes',
  'memory.computeBytes',
  'memory.gpuBytes',
  'memory.contextSize',
  'perplexity.value',
  'perplexity.stderr',
  'perplexity.tokens',
  'divergence.meanKld',
  'divergence.stderrKld',
  'divergence.medianKld',
  'divergence.p90Kld',
  'divergence.p95Kld',
  'divergence.p99Kld',
  'divergence.p999Kld',
  'divergence.maxKld',
  'divergence.meanDeltaP',
  'divergence.rmsDeltaP',
  'divergence.sameTop',
  'divergence.sameTopStderr',
  'divergence.lnPplRatio',
  'divergence.lnPplRatioStderr',
  'tasks.correct',
  'tasks.total',
  'tasks.low',
  'tasks.high',
  'tasks.flips.count',
  'tasks.flips.lost',
  'tasks.flips.gained',
  'tasks.flips.pValue',
  'choices.correct',
  'choices.total',
  'tools.correct',
  'tools.total',
  'toolsWithGrammar.correct',
  'toolsWithGrammar.total',
  'weights.relativeRmse',
  'status',
  'failure.code',
  'failure.message',
] as const;

/** Metrics of a row of bench, and of a phone, by their places in those commands' JSON. */
const BENCH_METRICS = [
  'test.name',
  'backend',
  'config.gpuLayers',
  'config.threads',
  'config.promptThreads',
  'config.batchSize',
  'config.keyType',
  'config.valueType',
  'config.flashAttention',
  'model.sizeBytes',
  'speed.meanTps',
  'speed.stddevTps',
  'speed.medianTps',
  'sustained.seconds',
  'sustained.generation.startTps',
  'sustained.generation.sustainedTps',
  'sustained.generation.throttledAfterS',
  'sustained.energy.joulesPerToken',
  'loadMs',
  'effectiveBandwidthBytesPerSecond',
  'shareOfCopyBandwidth',
  'memory.peakRssBytes',
  'speedUp',
] as const;
const PHONE_METRICS = [
  'verdict',
  'backend',
  'logProbs.steps',
  'logProbs.mean',
  'logProbs.largest',
  'loadMs',
  'speed.promptTps',
  'speed.generationTps',
  'speed.expected.low',
  'speed.expected.high',
  'memory.grownBytes',
  'memory.expectedBytes',
] as const;

const CONTEXT_METRICS = [
  ...['contextSize', 'cacheType', 'flashAttention', 'loadMs'],
  ...['estimated.totalBytes', 'measured.weightsBytes', 'measured.kvBytes', 'measured.computeBytes'],
  ...['measured.peakRssBytes', 'prompt.meanTps', 'prompt.stddevTps'],
  ...['generationAtDepth.depth', 'generationAtDepth.meanTps', 'generationAtDepth.stddevTps'],
];
const FIT_METRICS = [
  ...['contextSize', 'cacheType', 'verdict', 'memory.backend', 'memory.weightsBytes', 'memory.kvBytes'],
  ...['memory.computeBytes', 'memory.totalBytes', 'memory.budgetBytes', 'memory.anonymousBytes'],
];

/**
 * One row per variant and machine: values as the results hold them, unrounded, under the names they have there; a
 * value that is missing is empty. A test of bench, a size of context and a phone are rows too, with columns of their own
 * that are there only where such files are.
 */
export function renderCsv(report: Report): string {
  return tableCsv([
    ...variantRecords(report),
    ...benchRecords(report),
    ...phoneRecords(report),
    ...contextRecords(report),
    ...fitRecords(report),
  ]);
}

function variantRecords(report: Report): CsvRecord[] {
  const rows = rowsOf(report);
  const endpoints = endpointsOf(report);
  const kinds = taskKinds([
    ...rows.map(({ variant }) => variant),
    ...endpoints.map(({ endpoint }) => endpoint),
  ]);
  const taskCells = (row: object): CsvRecord =>
    Object.fromEntries(
      kinds.flatMap((kind) =>
        ['correct', 'total'].map((count) => [
          `tasks.byTask.${kind}.${count}`,
          leafOf(row, ['tasks', 'byTask', kind, count]),
        ]),
      ),
    );
  const variants = rows.map(({ machine, variant, isReference, isRecommended }) => ({
    machine,
    variant: variant.name,
    ref: variant.ref,
    reference: isReference,
    recommended: isRecommended,
    ...leavesOf(variant, VARIANT_METRICS),
    ...taskCells(variant),
  }));
  const taskMetrics = VARIANT_METRICS.filter((path) => path.startsWith('tasks.'));
  return [
    ...variants,
    ...endpoints.map(({ endpoint, machine }) => ({
      machine,
      variant: endpoint.name,
      ref: endpoint.url,
      ...leavesOf(endpoint, taskMetrics),
      ...taskCells(endpoint),
      'endpoint.medianReplyMs': endpoint.medianReplyMs,
    })),
  ];
}

function benchRecords({ benches }: Report): CsvRecord[] {
  return benches.flatMap(({ label, results }) =>
    results.rows.map((row) => ({
      machine: label,
      variant: row.model.label,
      ref: row.ref,
      ...leavesOf(row, ['model.architecture', 'model.name', 'model.parameters']),
      'quantization.label': row.model.quantization,
      ...leavesOf(row, ['status', 'failure.code', 'failure.message']),
      ...leavesOf(row, BENCH_METRICS, 'bench.'),
    })),
  );
}

function phoneRecords({ phones }: Report): CsvRecord[] {
  return phones.map(({ label, check }) => ({
    machine: label,
    variant: check.model,
    ...leavesOf(check, PHONE_METRICS, 'phone.'),
  }));
}

function contextRecords({ contexts }: Report): CsvRecord[] {
  return contexts.flatMap(({ label, results: { model, rows } }) =>
    rows.map((row) => ({
      machine: label,
      variant: model.quantization,
      ref: model.ref,
      ...leavesOf(row, ['failure.code', 'failure.message']),
      ...leavesOf(row, CONTEXT_METRICS, 'context.'),
    })),
  );
}

function fitRecords({ fits }: Report): CsvRecord[] {
  return fits.flatMap(({ results }) =>
    results.devices.flatMap(({ device, variants }) =>
      variants.map((variant) => ({
        machine: device,
        variant: variant.name,
        ref: variant.ref,
        ...leavesOf(variant, FIT_METRICS, 'fit.'),
        ...Object.fromEntries(
          variant.speeds.flatMap(({ backend, generationTps, promptTps }) => [
            [`fit.${backend}.promptTps`, isAvailable(promptTps) ? promptTps : null],
            [`fit.${backend}.generationTps`, isAvailable(generationTps) ? generationTps : null],
          ]),
        ),
      })),
    ),
  );
}

function leavesOf(root: object, paths: readonly string[], prefix = ''): CsvRecord {
  return Object.fromEntries(paths.map((path) => [prefix + path, leafOf(root, path.split('.'))]));
}

/** The value at a path, null where an object on the way is missing or unavailable. */
function leafOf(root: object, path: readonly string[]): CsvValue {
  let value: unknown = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !isAvailable<object>(value)) return null;
    value = Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
  }
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}
