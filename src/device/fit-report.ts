import type { Backend } from './cost-terms.ts';
import { bestSpeed, changeText, type DeviceFit, type FitChange, gigabytes, type Verdict } from './fit.ts';
import type { NoSpeed, PhoneSpeed } from './predict-speed.ts';
import type { DeviceProfile } from './profiles.ts';

export const FIT_SCHEMA_ID = 'quantscope/fit@1';

/** A figure that cannot be given, in its own place. */
export interface Missing {
  readonly status: 'unavailable';
  readonly reason: string;
}

export interface FitSpeed {
  readonly backend: Backend;
  readonly promptTps: number | Missing;
  readonly generationTps: number | Missing;
  readonly low: number | Missing;
  readonly high: number | Missing;
  readonly basis: 'measured' | 'predicted';
  /** What it stands on; null where there is no figure. */
  readonly evidence: string | null;
}

export interface FitVariant {
  readonly name: string;
  readonly ref: string;
  readonly contextSize: number;
  readonly cacheType: string;
  readonly verdict: Verdict;
  readonly memory: {
    readonly basis: 'estimated';
    readonly weightsBytes: number;
    readonly kvBytes: number;
    readonly stateBytes: number;
    readonly computeBytes: number;
    readonly totalBytes: number;
    readonly budgetBytes: number | Missing;
    readonly repackedBytes: number;
    readonly fileBytes: number;
    readonly anonymousBytes: number;
  };
  readonly speeds: readonly FitSpeed[];
  readonly reasons: readonly string[];
  /** What would make it fit; null where it does, or nothing would. */
  readonly change: FitChange | null;
}

export interface FittedDevice {
  readonly device: string;
  readonly name: string;
  readonly variants: readonly FitVariant[];
  /** Which to ship there, in a sentence. */
  readonly advice: string;
  readonly recommended: string | null;
}

/** What `fit --json` prints. */
export interface FitReport {
  readonly schema: typeof FIT_SCHEMA_ID;
  readonly devices: readonly FittedDevice[];
}

export interface JudgedModel {
  readonly name: string;
  readonly ref: string;
  /** Of its quantization: what precision costs. */
  readonly bitsPerWeight: number;
  readonly fit: DeviceFit;
}

/** All models on one phone, and which to ship. */
export function fittedDevice({ id, name }: DeviceProfile, models: readonly JudgedModel[]): FittedDevice {
  const chosen = recommend(models);
  return {
    device: id,
    name,
    variants: models.map(variantOf),
    advice: adviceOf(models, chosen),
    recommended: chosen?.name ?? null,
  };
}

/**
 * The most precise that fits comfortably, unless one a little less precise is much faster: below this many bits a
 * weight quality falls quickly, above it a reader hardly sees a difference (the published tables of llama.cpp).
 */
const ENOUGH_BITS = 4.4;
const PLENTY_BITS = 9;
const MUCH_FASTER = 1.25;

function recommend(models: readonly JudgedModel[]): JudgedModel | null {
  const fitting = models.filter(({ fit }) => fit.verdict === 'fits');
  const usable = fitting.length > 0 ? fitting : models.filter(({ fit }) => fit.verdict === 'tight');
  const good = usable.filter(
    ({ bitsPerWeight }) => bitsPerWeight >= ENOUGH_BITS && bitsPerWeight < PLENTY_BITS,
  );
  // Where memory is scarce the smallest of the tight ones; else the most precise first.
  const order = [...(good.length > 0 ? good : usable)].sort((a, b) =>
    fitting.length > 0 ? b.bitsPerWeight - a.bitsPerWeight : a.bitsPerWeight - b.bitsPerWeight,
  );
  let [chosen] = order;
  if (fitting.length === 0) return chosen ?? null;
  for (const model of order) {
    const faster =
      (bestSpeed(model.fit)?.generationTps ?? 0) / (bestSpeed((chosen ?? model).fit)?.generationTps ?? 1);
    if (faster >= MUCH_FASTER) chosen = model;
  }
  return chosen ?? null;
}

function adviceOf(models: readonly JudgedModel[], chosen: JudgedModel | null): string {
  const nearest = models.find(({ fit }) => fit.change !== null);
  const repair =
    nearest?.fit.change == null
      ? 'a smaller model is needed.'
      : `${nearest.name} would fit with ${changeText(nearest.fit.change)}.`;
  if (chosen === null) return `Nothing fits; ${repair}`;
  const speed = bestSpeed(chosen.fit);
  const pace =
    speed === null
      ? 'its speed is not known'
      : `${rate(speed.generationTps)} tokens/s on ${speed.backend} (${speed.basis}${speed.basis === 'predicted' ? `, ${rate(speed.low)} to ${rate(speed.high)}` : ''})`;
  const memory = gigabytes(chosen.fit.memory.totalBytes);
  if (chosen.fit.verdict === 'fits') return `Ship ${chosen.name}: ${memory}, ${pace}.`;
  const relief = chosen.fit.change === null ? '' : `; with ${changeText(chosen.fit.change)} it would fit`;
  return `${chosen.name} at most, and tight: ${memory}, ${pace}${relief}.`;
}

function rate(tps: number): string {
  return tps >= 20 ? tps.toFixed(0) : tps.toFixed(1);
}

function variantOf({ name, ref, fit }: JudgedModel): FitVariant {
  const { kvBytesPerToken: _, ...memory } = fit.memory;
  const budgetBytes = fit.budgetBytes ?? missing('what this phone gives an app is not known');
  return {
    name,
    ref,
    contextSize: fit.contextSize,
    cacheType: fit.cacheType,
    verdict: fit.verdict,
    memory: { basis: 'estimated', ...memory, budgetBytes },
    speeds: fit.speeds.map(speedOf),
    reasons: fit.reasons,
    change: fit.change,
  };
}

function speedOf(speed: PhoneSpeed | NoSpeed): FitSpeed {
  const { backend } = speed;
  if ('reason' in speed) {
    const none = missing(speed.reason);
    return {
      backend,
      promptTps: none,
      generationTps: none,
      low: none,
      high: none,
      basis: 'predicted',
      evidence: null,
    };
  }
  const { promptTps, generationTps, low, high, basis, evidence } = speed;
  return {
    backend,
    promptTps: promptTps ?? missing('nothing was measured to predict the prompt from'),
    generationTps,
    low,
    high,
    basis,
    evidence,
  };
}

function missing(reason: string): Missing {
  return { status: 'unavailable', reason };
}
