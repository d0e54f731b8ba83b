import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import { quantizationOf } from '../gguf/quantization.ts';
import type {
  DeviceProfile,
  FittedBackend,
  FittedCosts,
  LearnedSpeed,
  MeasuredSpeed,
  ModelShape,
} from '../schema/phone-data.ts';
import type { PhoneBackend, SPEED_BASES } from '../schema/terms.ts';
import { bytesPerToken, costMs, elementsPerToken, generationTerms, promptTerms } from './cost-terms.ts';
import { LLAMA_RN, typesOnCpu, typesSinceMeasured, typesThatAbort } from './kernels.ts';
import { chipOf, type DeviceCatalogue } from './profiles.ts';
import { mainTypeOf, type Workload, workloadOf } from './workload.ts';

export interface PhoneSpeed {
  readonly backend: PhoneBackend;
  /** Tokens a second; null where nothing is known of the prompt. */
  readonly promptTps: number | null;
  readonly generationTps: number;
  /** Bounds of generationTps. */
  readonly low: number;
  readonly high: number;
  readonly basis: (typeof SPEED_BASES)[number];
  /** What the speed is known from, in a sentence. */
  readonly evidence: string;
}

export interface NoSpeed {
  readonly backend: PhoneBackend;
  readonly reason: string;
}

/** Repetitions on one phone differ by about this much; a measured row has no deviation of its own. */
const REPEATABILITY = 0.05;
/** llama.cpp's rules for one quantization change a little with its versions: 2.4 % for Phi-3-mini's Q4_K_M. */
const SAME_BYTES = 0.03;
/**
 * The smallest model that was measured has about this at four bits: below it fixed costs decide, which the rows do not
 * tell. By the weights at one size, so that all quantizations of a model are treated alike.
 */
const LEAST_BYTES = 4e8;
const USUAL_BITS = 4.5;

/**
 * The speed of a model on one backend of a phone: measured where there is a measurement, else predicted, else why not.
 * @param promptTokens generation is predicted at the end of the prompt; most phones were measured with 256
 */
export function speedOn(
  header: GgufHeader,
  device: DeviceProfile,
  catalogue: DeviceCatalogue,
  backend: PhoneBackend,
  promptTokens = 256,
): PhoneSpeed | NoSpeed {
  const none = (reason: string): NoSpeed => ({ backend, reason });
  const work = workloadOf(header);
  const measured = work === null ? null : measuredSpeed(header, work, device, catalogue, backend);
  if (measured !== null) return measured;
  if (device.speed !== undefined) return none(device.speed);
  const ends = typesThatAbort(header, backend);
  if (ends.length > 0) return none(`${backend} has no kernel for ${ends.join(', ')} and ends the app`);
  if (work === null) return none('the header does not describe layers');
  const { parameters } = modelFacts(header);
  if ((parameters * USUAL_BITS) / 8 < LEAST_BYTES)
    return none(
      `with ${Math.round(parameters / 1e6)} million parameters, less than 400 MB at four bits, all quantizations of this model lie outside what was measured on phones`,
    );
  if (backend === 'vulkan') return none('nothing was measured with Vulkan on a phone');
  const basis = wasMeasured(device, catalogue) ? 'predicted' : 'extrapolated';
  const chip = chipOf(device, catalogue);
  const bandwidth = chip?.memoryBandwidthBytesPerSecond?.value;
  if (backend === 'metal') {
    const onCpu = typesOnCpu(header, backend);
    if (onCpu.length > 0)
      return none(
        `Metal has no kernel for ${onCpu.join(', ')}: the CPU multiplies those, at a speed that was not measured`,
      );
    if (chip === undefined || bandwidth === undefined)
      return none("the chip's memory bandwidth is not known");
    const { bandwidthShare, interval, rows, promptElementsPerSecondPerCore } = catalogue.speedModel.metal;
    const cores = (device.gpuCores ?? chip.gpuCores)?.value;
    // Metal reads weights at a share of the memory's bandwidth that hardly differs from chip to chip.
    return predicted(
      { backend, basis },
      cores === undefined ? null : (promptElementsPerSecondPerCore * cores) / elementsPerToken(work),
      (bandwidth * bandwidthShare) / bytesPerToken(work, promptTokens),
      interval,
      `from ${chip.name}'s memory bandwidth and ${rows} published rows of llama.cpp on iPhones`,
    );
  }
  const fitted = fittedTo(device, catalogue)?.[backend];
  const costs = fitted ?? catalogue.speedModel.perBandwidth[backend];
  if (fitted === undefined && bandwidth === undefined) {
    return none(
      chip === undefined
        ? 'a class of phones has no chip'
        : `the memory bandwidth of ${chip.name} is not published`,
    );
  }
  const pace = fitted === undefined ? (bandwidth ?? 0) / 1e9 : 1;
  const tps = (phase: keyof FittedCosts): number => {
    const terms = phase === 'generation' ? generationTerms : promptTerms;
    return (1000 * pace) / costMs(terms(work, backend, promptTokens), costs[phase].costs);
  };
  const evidence =
    fitted === undefined
      ? `from ${chip?.name}'s memory bandwidth and measurements of other chips`
      : 'from measurements of other models on this phone';
  const since = backend === 'cpu' ? [] : typesSinceMeasured(header, backend);
  const then =
    since.length === 0
      ? ''
      : `; with llama.rn ${LLAMA_RN.measured.version}, where the CPU multiplied ${since.join(', ')}`;
  return predicted(
    { backend, basis },
    tps('prompt'),
    tps('generation'),
    costs.generation.interval,
    evidence + then,
  );
}

/** Whether any speed is known of the phone, or of one with its chip. */
function wasMeasured(
  { id, chip, learned = [] }: DeviceProfile,
  { devices, measured: { rows } }: DeviceCatalogue,
): boolean {
  const chipOfRow = (row: MeasuredSpeed) =>
    row.chip ?? devices.find((other) => other.id === row.device)?.chip;
  return (
    learned.length > 0 || rows.some((row) => row.device === id || (chip !== null && chipOfRow(row) === chip))
  );
}

/** Phones with the chip of one that was measured are predicted like it. */
export function fittedTo(
  { id, chip }: DeviceProfile,
  { devices, speedModel: { fitted } }: DeviceCatalogue,
): Partial<Record<FittedBackend, FittedCosts | undefined>> | undefined {
  if (fitted[id] !== undefined || chip === null) return fitted[id];
  const twin = devices.find((other) => other.chip === chip && fitted[other.id] !== undefined);
  return twin === undefined ? undefined : fitted[twin.id];
}

function predicted(
  known: Pick<PhoneSpeed, 'backend' | 'basis'>,
  promptTps: number | null,
  generationTps: number,
  { low, high }: { readonly low: number; readonly high: number },
  evidence: string,
): PhoneSpeed | NoSpeed {
  if (!(generationTps > 0) || !Number.isFinite(generationTps))
    return { backend: known.backend, reason: 'the header describes no matrices to multiply' };
  return {
    ...known,
    promptTps,
    generationTps,
    low: generationTps * low,
    high: generationTps * high,
    evidence,
  };
}

/**
 * What was measured on this phone with a model of the same shape and types, since speed does not depend on the weights'
 * values: the newest of the user's own with the very bytes, else a published one with nearly as many.
 */
function measuredSpeed(
  header: GgufHeader,
  work: Workload,
  { id, learned = [] }: DeviceProfile,
  { measured: { rows, shapes } }: DeviceCatalogue,
  backend: PhoneBackend,
): PhoneSpeed | null {
  const shape = modelShape(header);
  const { tensorBytes } = quantizationOf(header);
  const mainType = mainTypeOf(work);
  const isSame = (row: LearnedSpeed | MeasuredSpeed, ofRow: ModelShape | undefined): boolean =>
    row.backend === backend && row.mainType === mainType && String(ofRow) === String(shape);
  const [newest] = learned
    .filter((row) => row.tensorBytes === tensorBytes && isSame(row, row.shape))
    .sort((a, b) => b.measuredAt.localeCompare(a.measuredAt));
  const row =
    newest ??
    rows.find(
      (each) =>
        each.device === id &&
        Math.abs(tensorBytes / each.tensorBytes - 1) < SAME_BYTES &&
        isSame(each, shapes[each.model]),
    );
  if (row === undefined) return null;
  const { promptTps, generationTps, model, label } = row;
  return {
    backend,
    promptTps,
    generationTps,
    low: generationTps * (1 - REPEATABILITY),
    high: generationTps * (1 + REPEATABILITY),
    basis: 'measured',
    evidence:
      'measuredAt' in row
        ? `measured by you on ${row.measuredAt.slice(0, 10)} with ${model} ${label}`
        : `measured on this phone with ${model} ${label}: the same shape, types and size`,
  };
}

/** What makes two models cost the same: layers, widths, heads, vocabulary. */
export function modelShape(header: GgufHeader): ModelShape {
  const facts = modelFacts(header);
  return [
    facts.architecture ?? '',
    facts.layers ?? 0,
    facts.embeddingLength ?? 0,
    facts.feedForwardLength ?? 0,
    facts.heads ?? 0,
    // Layers without attention have none.
    Math.max(0, ...facts.kvHeadsByLayer),
    facts.vocabularySize ?? 0,
  ];
}
