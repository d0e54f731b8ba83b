import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { Memory, Rate, Results, Speed, VariantResult } from '../schema/results.ts';
import type { FigureColumn, Reading } from './figure-column.ts';

const MEBI = 1024 ** 2;

/** What a variant costs: bytes on disk, time to load, speed and memory. */
export function costColumns({ settings }: Results): FigureColumn[] {
  const { promptTokens, generationTokens, depth } = settings;
  return [
    {
      title: 'size',
      unit: 'MiB',
      label: 'size',
      read: ({ file }) => ({ value: file.bytes / MEBI }),
      precision: { significant: 4, most: 2 },
      best: 'lowest',
    },
    {
      title: 'bits/',
      unit: 'weight',
      label: 'bits per weight',
      read: ({ quantization }) =>
        isAvailable(quantization) ? { value: quantization.bitsPerWeight } : quantization,
      precision: { significant: 3, most: 2 },
      best: 'none',
    },
    {
      title: '',
      unit: 'cold',
      label: 'cold load',
      read: ({ load }) => (isAvailable(load) ? reading(load.coldMs) : load),
      precision: { significant: 2, most: 1 },
      best: 'none',
    },
    {
      title: 'load ms',
      unit: 'warm',
      joined: true,
      label: 'warm load',
      read: ({ load }) => (isAvailable(load) ? reading(load.warmMs) : load),
      precision: { significant: 2, most: 1 },
      best: 'none',
    },
    {
      title: 'prompt t/s',
      unit: `pp${promptTokens}`,
      label: 'prompt speed',
      read: (variant) => rateOf(variant, ({ prompt }) => prompt),
      precision: { significant: 4, most: 2 },
      best: 'highest',
    },
    {
      title: 'gen. t/s',
      unit: `tg${generationTokens}`,
      label: 'generation speed',
      read: (variant) => rateOf(variant, ({ generation }) => generation),
      precision: { significant: 4, most: 2 },
      best: 'highest',
    },
    {
      title: 'gen. t/s',
      unit: `tg${generationTokens}@d${depth}`,
      label: `generation speed at depth ${depth}`,
      read: (variant) => rateOf(variant, ({ generationAtDepth }) => generationAtDepth),
      precision: { significant: 4, most: 2 },
      best: 'highest',
    },
    {
      title: 'first',
      unit: 'tok. ms',
      label: 'time to first token',
      read: ({ speed }) => (isAvailable(speed) ? reading(speed.firstTokenMs) : speed),
      precision: { significant: 3, most: 1 },
      best: 'lowest',
    },
    {
      title: 'peak',
      unit: 'MiB',
      label: 'peak memory',
      read: (variant) => mebibytesOf(variant, ({ peakRssBytes }) => peakRssBytes),
      precision: { significant: 4, most: 1 },
      best: 'lowest',
    },
  ];
}

/** Where the memory goes, for those who ask for details. */
export const memoryColumns: readonly FigureColumn[] = [
  memoryColumn('peak', 'peak memory', ({ peakRssBytes }) => peakRssBytes),
  memoryColumn('anonymous', 'anonymous memory', ({ anonymousBytes }) => anonymousBytes),
  memoryColumn('weights', "the weights' memory", ({ weightsBytes }) => weightsBytes),
  memoryColumn('KV cache', "the KV cache's memory", ({ kvBytes }) => kvBytes),
  memoryColumn('compute', "the compute buffers' memory", ({ computeBytes }) => computeBytes),
  memoryColumn('on GPU', 'GPU memory', ({ gpuBytes }) => gpuBytes),
];

function memoryColumn(
  title: string,
  label: string,
  pick: (memory: Memory) => number | Unavailable,
): FigureColumn {
  return {
    title,
    unit: 'MiB',
    label,
    read: (variant) => mebibytesOf(variant, pick),
    precision: { significant: 4, most: 2 },
    best: 'none',
  };
}

function reading(figure: number | Unavailable): Reading | Unavailable {
  return typeof figure === 'number' ? { value: figure } : figure;
}

function rateOf({ speed }: VariantResult, pick: (speed: Speed) => Rate | Unavailable): Reading | Unavailable {
  if (!isAvailable(speed)) return speed;
  const rate = pick(speed);
  return isAvailable(rate) ? { value: rate.meanTps, error: rate.stddevTps } : rate;
}

function mebibytesOf(
  { memory }: VariantResult,
  pick: (memory: Memory) => number | Unavailable,
): Reading | Unavailable {
  if (!isAvailable(memory)) return memory;
  const bytes = pick(memory);
  return isAvailable(bytes) ? { value: bytes / MEBI } : bytes;
}
