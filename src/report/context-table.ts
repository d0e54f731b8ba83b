import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { CacheTypeResult, ContextResults, ContextRow } from '../schema/context.ts';
import { formatBytes, formatCount, formatDuration } from '../util/units.ts';
import { chooseNameWidth, layOutTable, type RowHead } from './column-layout.ts';
import type { Cell, CellColumn } from './figure-column.ts';
import { describeEngine, describeMachine, describeThreads, plural } from './provenance.ts';
import { plainStyle, type Style } from './style.ts';
import { printable, wrap } from './text-width.ts';

export interface ContextTableOptions {
  readonly width?: number;
  readonly style?: Style;
}

/** The terminal form of `context`, without a newline at its end. */
export function renderContext(
  results: ContextResults,
  { width = 100, style = plainStyle }: ContextTableOptions = {},
): string {
  const { model, rows, cacheTypes, recommendation, warnings } = results;
  const wrapped = (text: string) => wrap(printable(text), width, '  ');
  const trained =
    model.contextLength === null ? '' : `, trained for ${formatCount(model.contextLength)} tokens`;
  const title =
    `${model.name ?? model.architecture} ${model.quantization}: ${formatBytes(model.sizeBytes)}, ` +
    `${formatCount(model.parameters)} parameters${trained}`;
  const advice = isAvailable(recommendation)
    ? style.good(recommendation.sentence)
    : `No recommendation: ${recommendation.reason}.`;
  const sections = [
    wrapped(title).map(style.bold),
    table('Context', rowHeads(results), rowColumns(rows), width, style),
    table('KV cache', typeHeads(results), typeColumns(cacheTypes, results), width, style),
    wrap(advice, width, '  '),
    notes(results).flatMap((note) => wrap(`- ${printable(note)}`, width, '  ')),
    warnings
      .flatMap(({ message, hint }) => wrapped(`Warning: ${message}. ${hint}`))
      .map((line) => style.warn(line)),
    describe(results).flatMap(wrapped).map(style.dim),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function table(
  title: string,
  heads: readonly RowHead[],
  columns: readonly CellColumn[],
  width: number,
  style: Style,
): string[] {
  const laidOut = { title, columns };
  return layOutTable(laidOut, heads, { nameWidth: chooseNameWidth(heads, [laidOut], width), width, style });
}

function rowHeads({ rows }: ContextResults): RowHead[] {
  return rows.map(({ contextSize, cacheType, failure }) => ({
    name: `${formatCount(contextSize)} ${cacheType}`,
    role: failure === null ? '' : 'failed',
    recommended: false,
  }));
}

function rowColumns(rows: readonly ContextRow[]): CellColumn[] {
  const column = columnsOver(rows);
  return [
    column('estimated', 'memory', ({ estimated }) =>
      given(estimated, ({ totalBytes }) => formatBytes(totalBytes)),
    ),
    column('measured', 'engine', ({ measured }) =>
      given(measured, ({ weightsBytes, kvBytes, computeBytes }) => {
        const parts = [weightsBytes, kvBytes, computeBytes].filter(isAvailable);
        return parts.length < 3 ? null : formatBytes(parts.reduce((sum, bytes) => sum + bytes, 0));
      }),
    ),
    column('of it', 'KV cache', ({ measured }) =>
      given(measured, ({ kvBytes }) => given(kvBytes, formatBytes)),
    ),
    column('compute', 'buffers', ({ measured }) =>
      given(measured, ({ computeBytes }) => given(computeBytes, formatBytes)),
    ),
    column('process', 'peak', ({ measured }) =>
      given(measured, ({ peakRssBytes }) => given(peakRssBytes, formatBytes)),
    ),
    column('load', '', ({ loadMs }) => given(loadMs, formatDuration)),
    column('prompt', 't/s', ({ prompt }) => given(prompt, ({ meanTps }) => speed(meanTps))),
    column('generation', 't/s, full', ({ generationAtDepth }) =>
      given(generationAtDepth, ({ meanTps }) => speed(meanTps)),
    ),
  ];
}

function typeHeads({ cacheTypes, recommendation }: ContextResults): RowHead[] {
  return cacheTypes.map(({ cacheType }) => ({
    name: cacheType,
    role: '',
    recommended: isAvailable(recommendation) && recommendation.cacheType === cacheType,
  }));
}

function typeColumns(cacheTypes: readonly CacheTypeResult[], { budget }: ContextResults): CellColumn[] {
  const column = columnsOver(cacheTypes);
  return [
    column('cache', 'a token', ({ kvBytesPerToken }) => given(kvBytesPerToken, formatBytes)),
    column('perplexity', '', ({ accuracy }) => given(accuracy, ({ perplexity }) => perplexity.toFixed(4))),
    column('against f16', '', ({ accuracy, cacheType }) =>
      given(accuracy, ({ perplexityIncrease }) =>
        cacheType === 'f16'
          ? 'reference'
          : `${perplexityIncrease < 0 ? '' : '+'}${(100 * perplexityIncrease).toFixed(2)} %`,
      ),
    ),
    column('mean KLD', 'nats', ({ accuracy, cacheType }) =>
      given(accuracy, ({ meanKld }) => (cacheType === 'f16' ? '' : meanKld.toFixed(6))),
    ),
    column('same top', '%', ({ accuracy, cacheType }) =>
      given(accuracy, ({ sameTop }) => (cacheType === 'f16' ? '' : (100 * sameTop).toFixed(2))),
    ),
    column('largest', `in ${formatBytes(budget.bytes)}`, ({ largest }) =>
      given(largest, ({ contextSize }) => formatCount(contextSize)),
    ),
  ];
}

/** Each reason for a gap once, with what it is about. */
function notes({ rows, cacheTypes }: ContextResults): string[] {
  const byReason = new Map<string, string[]>();
  const add = (about: string, figure: unknown) => {
    if (!isAbsent(figure)) return;
    byReason.set(figure.reason, [...(byReason.get(figure.reason) ?? []), about]);
  };
  for (const { contextSize, cacheType, measured } of rows)
    add(`${formatCount(contextSize)} ${cacheType}`, measured);
  for (const { cacheType, accuracy, largest } of cacheTypes) {
    add(`accuracy with ${cacheType}`, accuracy);
    add(`largest context with ${cacheType}`, largest);
  }
  return [...byReason].map(([reason, about]) => `Not measured: ${about.join('; ')}: ${reason}.`);
}

function describe({ machine, tool, settings, budget }: ContextResults): string[] {
  const { evaluation, generationTokens, repetitions, threads, promptThreads, batchSize, seed } = settings;
  return [
    'estimated: weights, KV cache and compute buffers without the app around them, as llama.cpp would allocate them, ' +
      'or from the header where it does not say; engine: the same as it allocated them; peak: all of the measuring process, the file in memory included.',
    `prompt: reading the context but its last ${generationTokens} tokens from empty; generation: writing these last ` +
      `tokens; ${plural(repetitions, 'repetition')}, ${describeThreads(threads, promptThreads)}, batch ${batchSize}, seed ${seed}.`,
    ...(evaluation === null
      ? []
      : [
          `Accuracy: ${evaluation.text}, contexts of ${evaluation.contextSize} tokens` +
            `${evaluation.chunks === null ? '' : `, ${plural(evaluation.chunks, 'chunk')} at most`}, against an f16 cache.`,
        ]),
    'Values in a quantized cache need flash attention, which is on for these types; it is auto for the others.',
    `Largest context by the estimate, within ${formatBytes(budget.bytes)} ${budget.basis === 'asked' ? '(--memory)' : 'free on this machine'}.`,
    `Measured on ${describeMachine(machine)}, with ${describeEngine(machine, tool.version)}.`,
  ];
}

function columnsOver<Row>(rows: readonly Row[]) {
  return (title: string, unit: string, text: (row: Row) => string | null): CellColumn => ({
    title,
    unit,
    cells: rows.map((row): Cell => {
      const written = text(row);
      return written === null ? { text: '-', tone: 'quiet' } : { text: written, tone: 'plain' };
    }),
  });
}

function isAbsent(figure: unknown): figure is Unavailable {
  return typeof figure === 'object' && figure !== null && 'status' in figure && 'reason' in figure;
}

function given<Value>(
  value: Value | Unavailable,
  write: (value: Exclude<Value, Unavailable>) => string | null,
): string | null {
  return isAvailable(value) ? write(value) : null;
}

function speed(meanTps: number): string {
  return meanTps < 100 ? meanTps.toFixed(2) : meanTps.toFixed(0);
}
