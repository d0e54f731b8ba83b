import { bytesPerToken, elementsPerToken } from '../../src/device/cost-terms.ts';
import type { MeasuredRow, SpeedModel } from '../../src/device/speed-types.ts';
import { mainTypeOf, workloadOf } from '../../src/device/workload.ts';
import { type GgufHeader, quantizationOf } from '../../src/gguf/index.ts';
import { type Label, quantizedHeader } from './layout.ts';

interface MetalRow {
  readonly device: string;
  readonly model: string;
  readonly label: Label;
  readonly bandwidthBytesPerSecond: number;
  readonly generationTps: number;
  readonly prompt?: { readonly tps: number; readonly gpuCores: number };
  readonly source: string;
}

/** The rows of devices.json that llama.cpp made with Metal on a named phone and a named type; the others are not used. */
const ROWS: readonly MetalRow[] = [
  {
    device: 'iphone-13',
    model: 'tinyllama-1.1b',
    label: 'q4_0',
    bandwidthBytesPerSecond: 34.128e9,
    generationTps: 42.8,
    prompt: { tps: 504, gpuCores: 4 },
    source: 'pr-readme',
  },
  {
    device: 'iphone-15',
    model: 'tinyllama-1.1b',
    label: 'q4_0',
    bandwidthBytesPerSecond: 51.2e9,
    generationTps: 65.16,
    prompt: { tps: 607.1, gpuCores: 5 },
    source: 'pr-readme',
  },
  {
    device: 'iphone-17-pro',
    model: 'qwen3.5-2b',
    label: 'q4_k_m',
    bandwidthBytesPerSecond: 76.8e9,
    generationTps: 39.1,
    source: 'yk-llamacpp-qwen',
  },
  {
    device: 'iphone-17-pro',
    model: 'gemma-4-e2b',
    label: 'q4_k_m',
    bandwidthBytesPerSecond: 76.8e9,
    generationTps: 35.5,
    source: 'yk-llamacpp-gemma',
  },
  {
    device: 'iphone-17-pro-max',
    model: 'mistral-7b',
    label: 'q4_0',
    bandwidthBytesPerSecond: 76.8e9,
    generationTps: 13.66,
    source: 'lc-17098',
  },
];

/** Five rows fit one number: the share of the bandwidth. Its interval is wide on purpose. */
export function metalModel(): SpeedModel['metal'] {
  const shares = ROWS.map((row) => {
    const work = workOf(row);
    return (row.generationTps * bytesPerToken(work, 0)) / row.bandwidthBytesPerSecond;
  });
  const logs = shares.map(Math.log);
  const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
  const deviation = Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1));
  // Student's t for a new observation, four degrees of freedom; 99 %, because five rows of three chips are few.
  const reach = 4.604 * deviation * Math.sqrt(1 + 1 / logs.length);
  const prompts = ROWS.flatMap((row) =>
    row.prompt === undefined ? [] : [(row.prompt.tps * elementsPerToken(workOf(row))) / row.prompt.gpuCores],
  );
  return {
    bandwidthShare: Number(Math.exp(mean).toPrecision(4)),
    interval: { low: Number(Math.exp(-reach).toFixed(3)), high: Number(Math.exp(reach).toFixed(3)) },
    rows: ROWS.length,
    promptElementsPerSecondPerCore: Number(
      (prompts.reduce((a, b) => a + b, 0) / prompts.length).toPrecision(4),
    ),
    promptRows: prompts.length,
  };
}

export function metalRows(): MeasuredRow[] {
  return ROWS.map(({ device, model, label, generationTps, prompt, source }) => ({
    device,
    backend: 'metal',
    model,
    label,
    promptTps: prompt?.tps ?? null,
    generationTps,
    ...fileOf(headerOfRow(model, label)),
    source,
  }));
}

/** What a measured row keeps of its file. */
export function fileOf(header: GgufHeader): Pick<MeasuredRow, 'tensorBytes' | 'mainType'> {
  const work = workloadOf(header);
  const mainType = work === null ? null : mainTypeOf(work);
  if (mainType === null) throw new Error('a layout without matrices');
  return { tensorBytes: quantizationOf(header).tensorBytes, mainType };
}

function headerOfRow(model: string, label: Label) {
  const header = quantizedHeader(model, label);
  if (header === undefined) throw new Error(`no layout of ${model}`);
  return header;
}

function workOf({ model, label }: MetalRow) {
  const work = workloadOf(headerOfRow(model, label));
  if (work === null) throw new Error(`no workload of ${model}`);
  return work;
}
