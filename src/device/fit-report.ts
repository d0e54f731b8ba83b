import { unavailableBecause } from '../schema/availability.ts';
import type { DeviceProfile } from '../schema/phone-data.ts';
import type { Endurance, FitSpeed, FittedPhone, FittedVariant } from '../schema/phones.ts';
import { formatPhoneRate, gigabytes } from '../util/units.ts';
import { bestSpeed, withoutSpeed } from './fastest-speed.ts';
import type { DeviceFit } from './fit.ts';
import { changeText, smallerText } from './fit-changes.ts';
import type { NoSpeed, PhoneSpeed } from './predict-speed.ts';
import type { DeviceCatalogue } from './profiles.ts';

export interface JudgedModel {
  readonly name: string;
  readonly ref: string;
  /** What the quantizations of one model have in common. */
  readonly parameters: number;
  /** Bits a weight in its layers. */
  readonly layerBits: number;
  readonly fit: DeviceFit;
}

const UNKNOWN_BUDGET = 'what this phone gives an app is not known';

export const UNKNOWN_PROMPT = 'nothing was measured to predict the prompt from';

/** All models on one phone, and which to ship. */
export function fittedDevice(
  device: DeviceProfile,
  models: readonly JudgedModel[],
  catalogue: DeviceCatalogue,
  givenBudgetBytes?: number,
): Omit<FittedPhone, 'types'> {
  const chosen = recommend(models);
  const { id, name, appBudgetBytes, entitledBudgetBytes } = device;
  return {
    device: id,
    name,
    budget:
      givenBudgetBytes !== undefined
        ? { bytes: givenBudgetBytes, entitledBytes: null, basis: 'as given', note: null }
        : {
            bytes: appBudgetBytes?.value ?? unavailableBecause(UNKNOWN_BUDGET),
            entitledBytes: entitledBudgetBytes?.value ?? null,
            basis: 'of the phone',
            note: appBudgetBytes?.note ?? null,
          },
    endurance: enduranceOf(device, catalogue),
    variants: models.map(variantOf),
    advice: adviceOf(models, chosen),
    recommended: chosen?.fit.unloadable === null ? chosen.name : null,
  };
}

/** Of phones without measurements: the only long run of llama.cpp that was published. */
const UNNAMED_IOS =
  'an iOS device that its author does not name fell to 59 % at its slowest in four hours of Phi-3-mini Q4_K_M with llama.cpp (github.com/singhh5050/ios-llm-benchmarking-results)';

/** What published measurements say of long sessions on a phone; nothing is carried over from one phone to another. */
export function enduranceOf(
  { id, os }: Pick<DeviceProfile, 'id' | 'os'>,
  { endurance }: Pick<DeviceCatalogue, 'endurance'>,
): Endurance {
  const { sustainedShare, joulesPerToken } = endurance[id] ?? {};
  const hint = os === 'ios' ? `; ${UNNAMED_IOS}` : '';
  return {
    sustainedShare:
      sustainedShare ??
      unavailableBecause(`how fast a long session is on this phone has not been published${hint}`),
    joulesPerToken:
      joulesPerToken ??
      unavailableBecause('the energy for a token has not been published for llama.cpp on any phone'),
  };
}

/** Below this many bits a weight quality falls quickly; above the other no difference is seen any more. */
const ENOUGH_BITS = 4.4;
const PLENTY_BITS = 9;
/** What a step in precision is not worth. */
const MUCH_FASTER = 1.25;

/**
 * What to ship: of those with enough bits that fit, the most precise, unless a less precise one is much faster; else
 * one that fits with a smaller cache type at the same context; else whatever fits; else the smallest that is tight. Of
 * several models the largest for which there is one: at four bits and more it answers better than a smaller model does
 * at eight. What an app cannot run only where it can run none.
 */
function recommend(all: readonly JudgedModel[]): JudgedModel | null {
  const loadable = all.filter(({ fit }) => fit.unloadable === null);
  const models = loadable.length > 0 ? loadable : all;
  const precise = models.filter(({ layerBits }) => layerBits >= ENOUGH_BITS && layerBits < PLENTY_BITS);
  const fitting = ({ fit }: JudgedModel) => fit.verdict === 'fits';
  for (const group of [
    precise.filter(fitting),
    precise.filter(fitsWithSmallerCache),
    models.filter(fitting),
  ]) {
    const largest = Math.max(...group.map(({ parameters }) => parameters));
    const chosen = bestOf(group.filter(({ parameters }) => parameters === largest));
    if (chosen !== null) return chosen;
  }
  const tight = ({ fit }: JudgedModel) => fit.verdict === 'tight';
  const [smallest] = [...precise.filter(tight)].sort((a, b) => a.layerBits - b.layerBits);
  return smallest ?? models.find(tight) ?? null;
}

function fitsWithSmallerCache({ fit }: JudgedModel): boolean {
  return fit.change !== null && fit.change.contextSize === fit.contextSize;
}

function bestOf(models: readonly JudgedModel[]): JudgedModel | null {
  const order = [...models].sort((a, b) => b.layerBits - a.layerBits);
  let [chosen = null] = order;
  for (const model of order) {
    const [speed, best] = [bestSpeed(model.fit), chosen === null ? null : bestSpeed(chosen.fit)];
    if (speed !== null && best !== null && speed.generationTps >= MUCH_FASTER * best.generationTps)
      chosen = model;
  }
  return chosen;
}

function adviceOf(models: readonly JudgedModel[], chosen: JudgedModel | null): string {
  if (chosen === null) {
    if (models.some(({ fit }) => fit.verdict === 'unknown')) return 'What fits is not known: give --budget.';
    const near = models.find(({ fit }) => fit.change !== null);
    if (near !== undefined && near.fit.change !== null)
      return `Nothing fits; ${near.name} would with ${changeText(near.fit.change)}.`;
    const refused = models.find(({ fit }) => fit.refused !== null);
    if (refused !== undefined) return `${refused.name} as asked: ${refused.fit.refused}.`;
    const smaller = models.find(({ fit }) => fit.smaller !== null)?.fit.smaller;
    if (smaller === undefined || smaller === null) return 'Nothing fits; a smaller model is needed.';
    return `Nothing fits; ${smallerText(smaller)} would, or a smaller model.`;
  }
  const { name, fit } = chosen;
  const pace = `${gigabytes(fit.memory.totalBytes)}, ${paceOf(fit)}`;
  if (fit.unloadable !== null) return `Ship none: ${fit.unloadable}; ${name} takes ${pace}.`;
  if (fit.verdict === 'fits') return `Ship ${name}: ${pace}${rankedBy(models)}.`;
  if (fitsWithSmallerCache(chosen))
    return `Ship ${name} with a ${fit.change?.cacheType} cache: with ${fit.cacheType} it takes ${pace}${rankedBy(models)}.`;
  return `${name} at most, and tight: ${pace}; ${fit.reasons[1] ?? ''}.`;
}

/** Headers tell precision, not what is lost by it. */
function rankedBy(models: readonly JudgedModel[]): string {
  return models.length < 2 ? '' : '; by precision, since no loss was measured';
}

function paceOf(fit: DeviceFit): string {
  const speed = bestSpeed(fit);
  if (speed === null) return withoutSpeed(fit.speeds);
  const { generationTps, backend, basis, low, high } = speed;
  const interval = basis === 'predicted' ? `, ${formatPhoneRate(low)} to ${formatPhoneRate(high)}` : '';
  return `${formatPhoneRate(generationTps)} tokens/s on ${backend} (${basis}${interval})`;
}

function variantOf({ name, ref, fit }: JudgedModel): FittedVariant {
  const { contextSize, cacheType, verdict, backend, reasons, unloadable, change, smaller } = fit;
  const { perToken: _, refused: __, ...memory } = fit.memory;
  const budgetBytes = fit.budgetBytes ?? unavailableBecause(UNKNOWN_BUDGET);
  return {
    name,
    ref,
    contextSize,
    cacheType,
    verdict,
    memory: { backend, ...memory, budgetBytes },
    speeds: fit.speeds.map(speedOf),
    reasons: [...reasons],
    unloadable,
    change,
    smaller,
  };
}

function speedOf(speed: PhoneSpeed | NoSpeed): FitSpeed {
  if (!('reason' in speed))
    return { ...speed, promptTps: speed.promptTps ?? unavailableBecause(UNKNOWN_PROMPT) };
  const none = unavailableBecause(speed.reason);
  return {
    backend: speed.backend,
    promptTps: none,
    generationTps: none,
    low: none,
    high: none,
    basis: 'predicted',
    evidence: null,
  };
}
