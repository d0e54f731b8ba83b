import { isAvailable } from '../measure/availability.ts';
import { type Report, rowsOf } from './report.ts';
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
  'divergence.method',
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

type Cell = string | number | boolean | null;

/**
 * A row a variant and machine, RFC 4180: figures as the results hold them, unrounded, under the names they have there;
 * a figure that could not be taken is empty.
 */
export function renderCsv(report: Report): string {
  const rows = rowsOf(report);
  const kinds = new Set<string>();
  for (const { variant } of rows) {
    if (isAvailable(variant.tasks)) for (const kind of Object.keys(variant.tasks.byTask)) kinds.add(kind);
  }
  const header: Cell[] = ['machine', 'variant', 'ref', 'reference', 'recommended', ...FIGURES];
  for (const kind of kinds) header.push(`tasks.byTask.${kind}.correct`, `tasks.byTask.${kind}.total`);
  const lines = rows.map(({ machine, variant, isReference, isRecommended }): Cell[] => [
    machine,
    variant.name,
    variant.ref,
    isReference,
    isRecommended,
    ...FIGURES.map((path) => leafOf(variant, path.split('.'))),
    ...[...kinds].flatMap((kind) => [
      leafOf(variant, ['tasks', 'byTask', kind, 'correct']),
      leafOf(variant, ['tasks', 'byTask', kind, 'total']),
    ]),
  ]);
  return [header, ...lines].map((cells) => cells.map(written).join(',')).join('\n');
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
