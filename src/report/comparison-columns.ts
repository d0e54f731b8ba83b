import { fastestOf } from '../device/fastest-speed.ts';
import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { Memory, Rate, Speed } from '../schema/figures.ts';
import type { FittedVariant } from '../schema/phones.ts';
import type { Results, VariantResult } from '../schema/results.ts';
import { MEBI } from '../util/units.ts';
import { VERDICTS } from './fit.ts';
import { accuracyColumns, weightErrorColumn } from './loss-columns.ts';
import type { Report, ReportRow } from './report.ts';
import { type Column, type FilledColumn, fillColumns, given, type Reading, type RowHead } from './table.ts';
import { printable, shortenMiddle } from './text-width.ts';

/** The columns of a comparison: a row is one variant. */
type VariantColumn = Column<VariantResult>;

const MOST_TITLE_WIDTH = 20;

/** Every group's columns filled with the variants of these results, which also say which one is the reference. */
export function fillVariants(
  columns: readonly VariantColumn[],
  { variants, reference }: Pick<Results, 'variants' | 'reference'>,
): FilledColumn[] {
  return fillColumns(columns, variants, {
    isReference: ({ name }) => name === reference,
    isFailed: ({ status }) => status !== 'ok',
  });
}

/** How tables name the rows of a report. */
export function rowHeads(rows: readonly Omit<ReportRow, 'machine'>[]): RowHead[] {
  return rows.map(({ variant: { name, status }, isReference, isRecommended }) => ({
    name,
    role: status === 'failed' ? 'failed' : isReference ? 'ref' : '',
    recommended: isRecommended,
  }));
}

/** The column of the rows' machines; none where there is but one. */
export function machineColumns({ machines }: Report, rows: readonly ReportRow[]): FilledColumn[] {
  if (machines.length <= 1) return [];
  return fillColumns<ReportRow>([{ title: 'machine', align: 'left', read: ({ machine }) => machine }], rows);
}

/** What a variant costs and what it loses: the columns that at least one variant has a value for. */
export function mainColumns(results: Results): { cost: FilledColumn[]; accuracy: FilledColumn[] } {
  return {
    cost: knownColumns(costColumns(results), results),
    accuracy: knownColumns([...accuracyColumns(results), weightErrorColumn], results),
  };
}

/** The columns that at least one variant has a value for. */
export function knownColumns(columns: readonly VariantColumn[], results: Results): FilledColumn[] {
  return fillVariants(columns, results).filter(({ cells }) => cells.some(({ text }) => text !== null));
}

/** What a variant costs: bytes on disk, time to load, speed and memory. */
export function costColumns({ settings }: Pick<Results, 'settings'>): VariantColumn[] {
  const { promptTokens, generationTokens, depth } = settings;
  const rate = (title: string, unit: string, label: string, test: keyof Speed): VariantColumn => ({
    title,
    unit,
    label,
    read: ({ speed }) => given(speed, (known) => given(known[test] as Rate | Unavailable, rateReading)),
    precision: { significant: 4, most: 2 },
    best: 'highest',
  });
  const load = { precision: { significant: 2, most: 1 } };
  return [
    {
      title: 'size',
      unit: 'MiB',
      label: 'size',
      read: ({ file }) => file.bytes / MEBI,
      precision: { significant: 4, most: 2 },
      best: 'lowest',
    },
    {
      title: 'bits/',
      unit: 'weight',
      label: 'bits per weight',
      read: ({ quantization }) => given(quantization, ({ bitsPerWeight }) => bitsPerWeight),
      precision: { significant: 3, most: 2 },
    },
    {
      title: '',
      unit: 'cold',
      heading: 'load ms',
      label: 'cold load',
      read: ({ load }) => given(load, ({ coldMs }) => coldMs),
      ...load,
    },
    {
      title: 'load ms',
      unit: 'warm',
      joined: true,
      label: 'warm load',
      read: ({ load }) => given(load, ({ warmMs }) => warmMs),
      ...load,
    },
    rate('prompt t/s', `pp${promptTokens}`, 'prompt speed', 'prompt'),
    rate('gen. t/s', `tg${generationTokens}`, 'generation speed', 'generation'),
    rate(
      'gen. t/s',
      `tg${generationTokens}@d${depth}`,
      `generation speed at depth ${depth}`,
      'generationAtDepth',
    ),
    {
      title: 'first',
      unit: 'tok. ms',
      label: 'time to first token',
      read: ({ speed }) => given(speed, ({ firstTokenMs }) => firstTokenMs),
      precision: { significant: 3, most: 1 },
      best: 'lowest',
    },
    { ...memoryColumn('peak', 'peak memory', 'peakRssBytes', 1), best: 'lowest' },
  ];
}

function rateReading({ meanTps, stddevTps }: Rate): Reading {
  return { value: meanTps, error: stddevTps };
}

/** Where the memory goes. */
export const memoryColumns: readonly VariantColumn[] = [
  memoryColumn('peak', 'peak memory', 'peakRssBytes'),
  memoryColumn('anonymous', 'anonymous memory', 'anonymousBytes'),
  memoryColumn('weights', "the weights' memory", 'weightsBytes'),
  memoryColumn('KV cache', "the KV cache's memory", 'kvBytes'),
  memoryColumn('compute', "the compute buffers' memory", 'computeBytes'),
  memoryColumn('on GPU', 'GPU memory', 'gpuBytes'),
];

function memoryColumn(
  title: string,
  label: string,
  part: keyof Omit<Memory, 'contextSize' | 'repackedBytes'>,
  decimals = 2,
): VariantColumn {
  return {
    title,
    unit: 'MiB',
    label,
    read: ({ memory }) => given(memory, (known) => given(known[part], (bytes) => bytes / MEBI)),
    precision: { significant: 4, most: decimals },
  };
}

/** Bytes by tensor type, the types that hold most of all variants' bytes first; a type not used is blank. */
export function compositionColumns({ variants }: Pick<Results, 'variants'>): VariantColumn[] {
  const totals = new Map<string, number>();
  for (const variant of variants) {
    for (const { type, bytes } of typesOf(variant)) totals.set(type, (totals.get(type) ?? 0) + bytes);
  }
  const types = [...totals].sort(([, one], [, other]) => other - one).map(([type]) => type);
  return types.map((type) => ({
    title: shortenMiddle(printable(type), MOST_TITLE_WIDTH),
    unit: 'MiB',
    read: (variant) => {
      const entries = typesOf(variant).filter((entry) => entry.type === type);
      return entries.length === 0 ? '' : entries.reduce((total, { bytes }) => total + bytes, 0) / MEBI;
    },
    precision: { significant: 3, most: 2 },
  }));
}

function typesOf({ quantization }: VariantResult) {
  return isAvailable(quantization) ? quantization.byType : [];
}

/** One column per phone: whether the variant fits, its memory there and the speed of the fastest backend. */
export function phoneColumns({ devices = [] }: Pick<Results, 'devices'>): VariantColumn[] {
  return devices.map(({ device, variants }) => ({
    title: shortenMiddle(printable(device), MOST_TITLE_WIDTH),
    unit: 'GB, tokens/s',
    read: ({ name }) => {
      const fitted = variants.find((variant) => variant.name === name);
      return fitted === undefined ? '' : fitText(fitted);
    },
  }));
}

function fitText(variant: FittedVariant): string {
  const gigabytes = (variant.memory.totalBytes / 1e9).toFixed(2);
  const { basis, generationTps } = fastestOf(variant) ?? {};
  const speed =
    generationTps === undefined ? '?' : `${basis === 'measured' ? '=' : '≈'}${generationTps.toFixed(1)}`;
  return `${VERDICTS[variant.verdict].mark} ${gigabytes}, ${speed}`;
}
