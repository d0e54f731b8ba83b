import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { CacheTypeResult, ContextResults, ContextRow, DepthRow } from '../schema/context.ts';
import { counted, formatBytes, formatCount, formatDuration } from '../util/units.ts';
import { describeEngine, describeMachine, describeThreads } from './provenance.ts';
import { plainStyle } from './style.ts';
import { type Column, fillColumns, given, isMissing, type RowHead } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';
import { joinSections, printable, wrap } from './text-width.ts';

/** The terminal form of `context`, without a newline at its end. */
export function renderContext(
  results: ContextResults,
  { width = 100, style = plainStyle }: Partial<TextLayout> = {},
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
  return joinSections([
    wrapped(title).map(style.bold),
    tableText(
      { title: 'Context', heads: rowHeads(results), columns: fillColumns(ROW_COLUMNS, rows) },
      { width, style },
    ),
    tableText(
      {
        title: 'KV cache',
        heads: typeHeads(results),
        columns: fillColumns(typeColumns(results), cacheTypes),
      },
      { width, style },
    ),
    ...(results.depths.length === 0
      ? []
      : [
          tableText(
            {
              title: 'When full',
              heads: results.depths.map(({ depth, cacheType }) => ({
                name: `${formatCount(depth)} ${cacheType}`,
              })),
              columns: fillColumns(DEPTH_COLUMNS, results.depths),
            },
            { width, style },
          ),
        ]),
    wrap(advice, width, '  '),
    notes(results).flatMap((note) => wrap(`- ${printable(note)}`, width, '  ')),
    warnings
      .flatMap(({ message, hint }) => wrapped(`Warning: ${message}. ${hint}`))
      .map((line) => style.warn(line)),
    describe(results).flatMap(wrapped).map(style.dim),
  ]);
}

function rowHeads({ rows }: ContextResults): RowHead[] {
  return rows.map(({ contextSize, cacheType, failure }) => ({
    name: `${formatCount(contextSize)} ${cacheType}`,
    role: failure === null ? '' : 'failed',
  }));
}

/** Memory and speed of one context size with one type of cache. */
const ROW_COLUMNS: readonly Column<ContextRow>[] = [
  {
    title: 'estimated',
    unit: 'memory',
    read: ({ estimated }) => given(estimated, ({ totalBytes }) => formatBytes(totalBytes)),
  },
  {
    title: 'measured',
    unit: 'engine',
    read: ({ measured }) =>
      given(measured, ({ weightsBytes, kvBytes, computeBytes }) => {
        const parts = [weightsBytes, kvBytes, computeBytes].filter(isAvailable);
        return parts.length < 3 ? null : formatBytes(parts.reduce((sum, bytes) => sum + bytes, 0));
      }),
  },
  measuredBytes('of it', 'KV cache', 'kvBytes'),
  measuredBytes('compute', 'buffers', 'computeBytes'),
  measuredBytes('process', 'peak', 'peakRssBytes'),
  { title: 'load', read: ({ loadMs }) => given(loadMs, formatDuration) },
  { title: 'prompt', unit: 't/s', read: ({ prompt }) => given(prompt, speedText) },
  {
    title: 'generation',
    unit: 't/s, full',
    read: ({ generationAtDepth }) => given(generationAtDepth, speedText),
  },
];

function measuredBytes(
  title: string,
  unit: string,
  part: 'kvBytes' | 'computeBytes' | 'peakRssBytes',
): Column<ContextRow> {
  return {
    title,
    unit,
    read: ({ measured }) => given(measured, (memory) => given(memory[part], formatBytes)),
  };
}

function speedText({ meanTps }: { readonly meanTps: number }): string {
  return meanTps < 100 ? meanTps.toFixed(2) : meanTps.toFixed(0);
}

function typeHeads({ cacheTypes, recommendation }: ContextResults): RowHead[] {
  return cacheTypes.map(({ cacheType }) => ({
    name: cacheType,
    recommended: isAvailable(recommendation) && recommendation.cacheType === cacheType,
  }));
}

/** What one type of cache costs and loses, and the largest context that fits with it. */
function typeColumns({ budget }: ContextResults): Column<CacheTypeResult>[] {
  return [
    {
      title: 'cache',
      unit: 'a token',
      read: ({ kvBytesPerToken, kvBytesPerTokenBeyondWindows: beyond }) =>
        given(kvBytesPerToken, (bytes) =>
          isAvailable(beyond) && beyond < bytes
            ? `${formatBytes(bytes)}, then ${formatBytes(beyond)}`
            : formatBytes(bytes),
        ),
    },
    {
      title: 'perplexity',
      read: ({ accuracy }) => given(accuracy, ({ perplexity }) => perplexity.toFixed(4)),
    },
    againstF16('against f16', '', 'reference', ({ perplexityIncrease }) => {
      return signed(perplexityIncrease);
    }),
    againstF16('mean KLD', 'nats', '', ({ meanKld }) => meanKld.toFixed(6)),
    againstF16('same top', '%', '', ({ sameTop }) => (100 * sameTop).toFixed(2)),
    {
      title: 'largest',
      unit: `in ${formatBytes(budget.bytes)}`,
      read: ({ largest }) => given(largest, ({ contextSize }) => formatCount(contextSize)),
    },
  ];
}

/** What a type loses in a full context, and which of the facts hidden in it the model still knows. */
const DEPTH_COLUMNS: readonly Column<DepthRow>[] = [
  { title: 'perplexity', read: ({ measured }) => given(measured, (known) => known.perplexity.toFixed(4)) },
  depthAgainstF16(
    'mean KLD',
    'nats',
    ({ meanKld, stderrKld }) => `${meanKld.toFixed(5)} ± ${stderrKld.toFixed(5)}`,
  ),
  depthAgainstF16('same top', '%', ({ sameTop }) => (100 * sameTop).toFixed(2)),
  {
    title: 'hidden facts',
    unit: 'known',
    read: ({ measured }) => given(measured, ({ needles: { found, total } }) => `${found} of ${total}`),
  },
  {
    title: 'not known',
    unit: 'at % of text',
    read: ({ measured }) =>
      given(measured, ({ needles: { facts } }) => {
        const lost = facts.filter(({ found }) => !found);
        if (lost.length === facts.length) return 'all';
        return lost.map(({ at }) => Math.round(100 * at)).join(', ');
      }),
  },
];

function depthAgainstF16(
  title: string,
  unit: string,
  write: (loss: Exclude<DepthRow['measured'], Unavailable>) => string,
): Column<DepthRow> {
  return {
    title,
    unit,
    read: ({ measured, cacheType }) => given(measured, (known) => (cacheType === 'f16' ? '' : write(known))),
  };
}

function signed(share: number): string {
  return `${share < 0 ? '' : '+'}${(100 * share).toFixed(2)} %`;
}

/** @param itself what stands in the row of f16, with which the others are compared */
function againstF16(
  title: string,
  unit: string,
  itself: string,
  write: (accuracy: Exclude<CacheTypeResult['accuracy'], Unavailable>) => string,
): Column<CacheTypeResult> {
  return {
    title,
    unit,
    read: ({ accuracy, cacheType }) =>
      given(accuracy, (known) => (cacheType === 'f16' ? itself : write(known))),
  };
}

/** Each reason for a gap once, with what it is about. */
function notes({ rows, cacheTypes, depths }: ContextResults): string[] {
  const byReason = new Map<string, string[]>();
  const add = (about: string, value: unknown) => {
    if (isMissing(value)) byReason.set(value.reason, [...(byReason.get(value.reason) ?? []), about]);
  };
  for (const { contextSize, cacheType, measured } of rows)
    add(`${formatCount(contextSize)} ${cacheType}`, measured);
  for (const { cacheType, accuracy, largest } of cacheTypes) {
    add(`accuracy with ${cacheType}`, accuracy);
    add(`largest context with ${cacheType}`, largest);
  }
  for (const { depth, cacheType, measured } of depths)
    add(`loss with ${formatCount(depth)} ${cacheType} full`, measured);
  return [...byReason].map(([reason, about]) => `Not measured: ${about.join('; ')}: ${reason}.`);
}

/** What part of the weights is a copy. */
function copyOf({ rows }: ContextResults): string[] {
  const [estimated] = rows.map((row) => row.estimated).filter(isAvailable);
  if (estimated === undefined || estimated.repackedBytes === 0) return [];
  const { weightsBytes, repackedBytes } = estimated;
  return [
    `Of the ${formatBytes(weightsBytes)} of weights ${formatBytes(repackedBytes)} are a copy rearranged for the CPU; the engine counts the file’s pages beside it.`,
  ];
}

function describe(results: ContextResults): string[] {
  const { machine, tool, settings, budget, depths } = results;
  const { evaluation, generationTokens, repetitions, threads, promptThreads, batchSize, seed } = settings;
  return [
    'estimated: weights, KV cache and compute buffers without the app around them, as llama.cpp would allocate them, ' +
      'or from the header where it does not say; engine: the same as it allocated them; peak: all of the measuring process, the file in memory included.',
    ...copyOf(results),
    `prompt: reading the context but its last ${generationTokens} tokens from empty; generation: writing these last ` +
      `tokens; ${counted(repetitions, 'repetition')}, ${describeThreads(threads, promptThreads)}, batch ${batchSize}, seed ${seed}.`,
    ...(evaluation === null
      ? []
      : [
          `Accuracy: ${evaluation.text}, contexts of ${evaluation.contextSize} tokens` +
            `${evaluation.chunks === null ? '' : `, ${counted(evaluation.chunks, 'chunk')} at most`}, against an f16 cache.`,
        ]),
    ...(depths.some(({ measured }) => isAvailable(measured))
      ? [
          'When full: the loss of the same last words of the text after ever more of it, against f16 there; a hidden fact is ' +
            'a sentence with a number, known where the model continues it with just that number.',
        ]
      : []),
    'Values in a quantized cache need flash attention, which is on for these types; it is auto for the others.',
    `Largest context by the estimate, within ${formatBytes(budget.bytes)} ${budget.basis === 'asked' ? '(--memory)' : 'free on this machine'}.`,
    `Measured on ${describeMachine(machine)}, with ${describeEngine(machine, tool.version)}.`,
  ];
}
