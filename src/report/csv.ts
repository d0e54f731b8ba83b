import { isAvailable } from '../schema/availability.ts';
import { endpointsOf, type Report, rowsOf } from './report.ts';
import { printable } from './text-width.ts';

/** Figures of a row by their place in the results, which carries their unit. */
const FIGURES = [
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
  'weights.relativeRmse',
  'status',
  'failure.code',
  'failure.message',
] as const;

/** Figures of a row of bench, and of a phone, by their places in those commands' JSON. */
const MODEL_FIGURES = ['model.architecture', 'model.name', 'model.parameters'] as const;
const BENCH_FIGURES = [
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
  'loadMs',
  'effectiveBandwidthBytesPerSecond',
  'shareOfCopyBandwidth',
  'memory.peakRssBytes',
  'speedUp',
] as const;
const PHONE_FIGURES = [
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

type Cell = string | number | boolean | null;

/**
 * A row a variant and machine, RFC 4180: figures as the results hold them, unrounded, under the names they have there;
 * a figure that could not be taken is empty. A test of bench and a phone are rows too, with columns of their own that
 * are there only where such files are.
 */
export function renderCsv(report: Report): string {
  const records = [...variantRecords(report), ...benchRecords(report), ...phoneRecords(report)];
  const names = [...new Set(records.flatMap((record) => [...record.keys()]))];
  const lines = records.map((record) => names.map((name) => record.get(name) ?? null));
  return [names, ...lines].map((cells) => cells.map(written).join(',')).join('\n');
}

/** Cells by the names of their columns. */
type CsvRecord = ReadonlyMap<string, Cell>;

function variantRecords(report: Report): CsvRecord[] {
  const rows = rowsOf(report);
  const kinds = new Set<string>();
  const asked = [
    ...rows.map(({ variant }) => variant.tasks),
    ...endpointsOf(report).map(({ endpoint }) => endpoint.tasks),
  ];
  for (const tasks of asked)
    if (isAvailable(tasks)) for (const kind of Object.keys(tasks.byTask)) kinds.add(kind);
  const taskCells = (row: object): [string, Cell][] =>
    [...kinds].flatMap((kind) =>
      ['correct', 'total'].map((count): [string, Cell] => [
        `tasks.byTask.${kind}.${count}`,
        leafOf(row, ['tasks', 'byTask', kind, count]),
      ]),
    );
  const variants = rows.map(({ machine, variant, isReference, isRecommended }): CsvRecord => {
    const record = new Map<string, Cell>([
      ['machine', machine],
      ['variant', variant.name],
      ['ref', variant.ref],
      ['reference', isReference],
      ['recommended', isRecommended],
    ]);
    for (const path of FIGURES) record.set(path, leafOf(variant, path.split('.')));
    return new Map([...record, ...taskCells(variant)]);
  });
  const endpoints = report.machines.flatMap(({ label, results }) =>
    (results.endpoints ?? []).map((endpoint): CsvRecord => {
      const figures = FIGURES.filter((path) => path.startsWith('tasks.'));
      return new Map<string, Cell>([
        ['machine', label],
        ['variant', endpoint.name],
        ['ref', endpoint.url],
        ...figures.map((path): [string, Cell] => [path, leafOf(endpoint, path.split('.'))]),
        ...taskCells(endpoint),
        ['endpoint.medianReplyMs', leafOf(endpoint, ['medianReplyMs'])],
      ]);
    }),
  );
  return [...variants, ...endpoints];
}

function benchRecords({ benches }: Report): CsvRecord[] {
  return benches.flatMap(({ label, results }) =>
    results.rows.map((row) => {
      const record = new Map<string, Cell>([
        ['machine', label],
        ['variant', row.model.label],
        ['ref', row.ref],
      ]);
      for (const path of MODEL_FIGURES) record.set(path, leafOf(row, path.split('.')));
      record.set('quantization.label', row.model.quantization);
      record.set('status', row.status);
      record.set('failure.code', row.failure?.code ?? null);
      record.set('failure.message', row.failure?.message ?? null);
      for (const path of BENCH_FIGURES) record.set(`bench.${path}`, leafOf(row, path.split('.')));
      return record;
    }),
  );
}

function phoneRecords({ phones }: Report): CsvRecord[] {
  return phones.map(({ label, check }) => {
    const record = new Map<string, Cell>([
      ['machine', label],
      ['variant', check.model],
    ]);
    for (const path of PHONE_FIGURES) record.set(`phone.${path}`, leafOf(check, path.split('.')));
    return record;
  });
}

/** The value at a path, null where an object on the way is missing or unavailable. */
function leafOf(root: object, path: readonly string[]): Cell {
  let value: unknown = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !isAvailable<object>(value)) return null;
    value = Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
  }
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

function written(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  // A spreadsheet takes a text that begins so for a formula, and a model's name is anybody's.
  const text = printable(cell).replace(/^(?=[=+\-@])/, "'");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
