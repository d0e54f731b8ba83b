import type { GgufHeader } from '../gguf/header.ts';
import { quantizationOf } from '../gguf/quantization.ts';
import {
  type Backend,
  bytesPerToken,
  type CostTerms,
  elementsPerToken,
  generationTerms,
  promptTerms,
} from './cost-terms.ts';
import { MEASURED_ROWS } from './measured-rows.ts';
import { modelShape, sameShape } from './model-shape.ts';
import type { Chip, DeviceProfile } from './profiles.ts';
import { SPEED_MODEL } from './speed-model.ts';
import type { FittedCosts, LearnedRow, MeasuredRow, PhaseCosts } from './speed-types.ts';
import { mainTypeOf, type Workload, workloadOf } from './workload.ts';

export interface SpeedRequest {
  /** Tokens of the prompt; generation is predicted at the end of it. Default: 256, as most was measured. */
  readonly promptTokens?: number;
}

export interface PhoneSpeed {
  readonly backend: Backend;
  /** Tokens a second; null where nothing is known of the prompt. */
  readonly promptTps: number | null;
  readonly generationTps: number;
  /** Bounds of generationTps. */
  readonly low: number;
  readonly high: number;
  readonly basis: 'measured' | 'predicted';
  /** What the figure stands on, in a sentence. */
  readonly evidence: string;
}

export interface NoSpeed {
  readonly backend: Backend;
  readonly reason: string;
}

const PROMPT_TOKENS = 256;
/** Repetitions on one phone differ by about this much; a measured row has no deviation of its own. */
const REPEATABILITY = 0.05;
/** llama.cpp's rules for one quantization change a little with its versions: 2.4 % for Phi-3-mini's Q4_K_M. */
const SAME_BYTES = 0.03;
/** No model was measured that reads less than four times this a token: below it fixed costs decide. */
const LEAST_BYTES = 1e8;

/** The speed of a model on one backend of a phone: measured if somebody has, else predicted, else why not. */
export function speedOn(
  header: GgufHeader,
  device: DeviceProfile,
  chip: Chip | undefined,
  backend: Backend,
  { promptTokens = PROMPT_TOKENS }: SpeedRequest = {},
): PhoneSpeed | NoSpeed {
  const work = workloadOf(header);
  const learned = work === null ? undefined : learnedRow(header, work, device, backend);
  if (learned !== undefined) return fromLearned(learned);
  if (device.speed !== undefined) return { backend, reason: device.speed };
  if (work === null) return { backend, reason: 'the header does not describe layers' };
  const row = measuredRow(header, work, device, backend);
  if (row !== undefined) return fromRow(row);
  if (bytesPerToken(work, 0) < LEAST_BYTES) {
    return { backend, reason: 'far smaller than any model that was measured on a phone' };
  }
  if (backend === 'metal') return onMetal(work, device, chip, promptTokens);
  if (backend === 'vulkan') return { backend, reason: 'nothing was measured with Vulkan on a phone' };
  const fitted = fittedFor(device)?.[backend];
  if (fitted !== undefined) {
    return predict(work, backend, fitted, 1, promptTokens, 'from measurements of other models on this phone');
  }
  const bandwidth = chip?.memoryBandwidthBytesPerSecond?.value;
  if (bandwidth === undefined) {
    const what =
      chip === undefined
        ? 'a class of phones has no chip'
        : `the memory bandwidth of ${chip.name} is not published`;
    return { backend, reason: what };
  }
  const evidence = `from ${chip?.name}'s memory bandwidth and measurements of other chips`;
  return predict(work, backend, SPEED_MODEL.perBandwidth[backend], bandwidth / 1e9, promptTokens, evidence);
}

/** Phones with the chip of one that was measured are predicted like it. */
function fittedFor({ id, chip }: DeviceProfile) {
  const twin = {
    'snapdragon-8-gen-2': 'galaxy-s23',
    'dimensity-8500': 'poco-x8-pro',
    'snapdragon-8-elite-gen-5': 'poco-f8-ultra',
  };
  const byChip = Object.entries(twin).find(([known]) => known === chip)?.[1];
  return SPEED_MODEL.fitted[id] ?? (byChip === undefined ? undefined : SPEED_MODEL.fitted[byChip]);
}

function predict(
  work: Workload,
  backend: 'cpu' | 'opencl' | 'hexagon',
  fitted: FittedCosts,
  pace: number,
  promptTokens: number,
  evidence: string,
): PhoneSpeed | NoSpeed {
  const generationTps = rateOf(generationTerms(work, backend, promptTokens), fitted.generation, pace);
  if (!(generationTps > 0) || !Number.isFinite(generationTps)) {
    return { backend, reason: 'the header describes no matrices to multiply' };
  }
  const { low, high } = fitted.generation.interval;
  return {
    backend,
    promptTps: rateOf(promptTerms(work, backend, promptTokens), fitted.prompt, pace),
    generationTps,
    low: generationTps * low,
    high: generationTps * high,
    basis: 'predicted',
    evidence,
  };
}

function rateOf(terms: CostTerms, { costs }: PhaseCosts, pace: number): number {
  let ms = 0;
  for (const [name, amount] of terms) ms += amount * (costs[name] ?? 0);
  return (1000 * pace) / ms;
}

/** Metal reads weights at a share of the memory's bandwidth that hardly differs from chip to chip. */
function onMetal(
  work: Workload,
  { gpuCores }: DeviceProfile,
  chip: Chip | undefined,
  promptTokens: number,
): PhoneSpeed | NoSpeed {
  const bandwidth = chip?.memoryBandwidthBytesPerSecond?.value;
  if (chip === undefined || bandwidth === undefined) {
    return { backend: 'metal', reason: "the chip's memory bandwidth is not known" };
  }
  const { bandwidthShare, interval, rows, promptElementsPerSecondPerCore } = SPEED_MODEL.metal;
  const generationTps = (bandwidth * bandwidthShare) / bytesPerToken(work, promptTokens);
  if (!Number.isFinite(generationTps))
    return { backend: 'metal', reason: 'the header describes no matrices to multiply' };
  const cores = (gpuCores ?? chip.gpuCores)?.value;
  return {
    backend: 'metal',
    promptTps: cores === undefined ? null : (promptElementsPerSecondPerCore * cores) / elementsPerToken(work),
    generationTps,
    low: generationTps * interval.low,
    high: generationTps * interval.high,
    basis: 'predicted',
    evidence: `from ${chip.name}'s memory bandwidth and ${rows} published rows of llama.cpp on iPhones`,
  };
}

/** The newest of the user's own, which are of the very types and bytes. */
function learnedRow(
  header: GgufHeader,
  work: Workload,
  { learned = [] }: DeviceProfile,
  backend: Backend,
): LearnedRow | undefined {
  const shape = modelShape(header);
  const { tensorBytes } = quantizationOf(header);
  const mainType = mainTypeOf(work);
  return learned
    .filter(
      (row) =>
        row.backend === backend &&
        row.tensorBytes === tensorBytes &&
        row.mainType === mainType &&
        row.shape.every((value, index) => value === shape[index]),
    )
    .reduce<LearnedRow | undefined>(
      (newest, row) => (newest === undefined || row.measuredAt > newest.measuredAt ? row : newest),
      undefined,
    );
}

function fromLearned({
  backend,
  model,
  label,
  promptTps,
  generationTps,
  measuredAt,
}: LearnedRow): PhoneSpeed {
  return {
    backend,
    promptTps,
    generationTps,
    low: generationTps * (1 - REPEATABILITY),
    high: generationTps * (1 + REPEATABILITY),
    basis: 'measured',
    evidence: `measured by you on ${measuredAt.slice(0, 10)} with ${model} ${label}`,
  };
}

/** A row of this phone with a model of the same shape and as many bytes: speed does not depend on the weights' values. */
function measuredRow(
  header: GgufHeader,
  work: Workload,
  { id }: DeviceProfile,
  backend: Backend,
): MeasuredRow | undefined {
  const shape = modelShape(header);
  const { tensorBytes } = quantizationOf(header);
  const mainType = mainTypeOf(work);
  return MEASURED_ROWS.find(
    (row) =>
      row.device === id &&
      row.backend === backend &&
      row.mainType === mainType &&
      Math.abs(tensorBytes / row.tensorBytes - 1) < SAME_BYTES &&
      sameShape(shape, row.model),
  );
}

function fromRow({ backend, model, label, promptTps, generationTps }: MeasuredRow): PhoneSpeed {
  return {
    backend,
    promptTps,
    generationTps,
    low: generationTps * (1 - REPEATABILITY),
    high: generationTps * (1 + REPEATABILITY),
    basis: 'measured',
    evidence: `measured on this phone with ${model} ${label}: the same shape, types and size`,
  };
}
