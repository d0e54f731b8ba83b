import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import type { Backend } from './cost-terms.ts';
import type { CacheType } from './kv-cache.ts';
import { hasNoGroupedQueries, type PhoneMemory, phoneMemory } from './phone-memory.ts';
import { type NoSpeed, type PhoneSpeed, speedOn } from './predict-speed.ts';
import type { DeviceCatalogue, DeviceProfile } from './profiles.ts';

export interface FitRequest {
  readonly contextSize: number;
  /** Default: f16. */
  readonly cacheType?: CacheType;
  /** Instead of the profile's. */
  readonly budgetBytes?: number;
}

export const VERDICTS = ['fits', 'tight', 'no'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What would make a model fit that does not: the mildest change that is enough. */
export interface FitChange {
  readonly contextSize: number;
  readonly cacheType: CacheType;
}

/** Whether a model runs on a phone, and how fast. */
export interface DeviceFit {
  readonly contextSize: number;
  readonly cacheType: CacheType;
  readonly verdict: Verdict;
  /** Estimated from the header. */
  readonly memory: PhoneMemory;
  /** Null where nobody has measured what such a phone gives an app. */
  readonly budgetBytes: number | null;
  /** One for each backend of the phone, in its order. */
  readonly speeds: readonly (PhoneSpeed | NoSpeed)[];
  readonly reasons: readonly string[];
  readonly change: FitChange | null;
}

/**
 * Up to this share of the budget a load is comfortable: above it the system may have taken a little more, or the app
 * itself. On the 8 GB Galaxy S23 the loads that failed begin at 88 % of the largest that worked.
 */
const COMFORTABLE = 0.85;
/** Metal warns beyond this share of the memory (recommendedMaxWorkingSetSize on every device that logged it). */
const METAL_WORKING_SET = 2 / 3;
const SMALLEST_CONTEXT = 512;
const CONTEXT_STEP = 256;

/**
 * Judges a model on a phone from its header alone.
 * @returns null where the header does not describe a model that could be loaded
 */
export function fitOn(
  header: GgufHeader,
  device: DeviceProfile,
  { chips }: Pick<DeviceCatalogue, 'chips'>,
  request: FitRequest,
): DeviceFit | null {
  const { contextSize, cacheType = 'f16' } = request;
  const [backend = 'cpu'] = device.backends;
  const memory = phoneMemory(header, { contextSize, cacheType, backend });
  if (memory === null) return null;
  const budgetBytes = request.budgetBytes ?? device.appBudgetBytes?.value ?? null;
  const { verdict, reasons } = judge(memory, device, budgetBytes, request.budgetBytes !== undefined);
  const chip = device.chip === null ? undefined : chips[device.chip];
  const change =
    verdict === 'fits' || budgetBytes === null
      ? null
      : changeThatFits(header, backend, { contextSize, cacheType }, budgetBytes);
  return {
    contextSize,
    cacheType,
    verdict,
    memory,
    budgetBytes,
    speeds: device.backends.map((each) => speedOn(header, device, chip, each)),
    reasons: [
      ...reasons,
      ...remarks(header, memory, contextSize, cacheType),
      ...(verdict === 'fits' ? [] : repackingOf(memory)),
      ...(change === null ? [] : [`it would fit with ${changeText(change)}`]),
    ],
    change,
  };
}

function judge(
  memory: PhoneMemory,
  { appBudgetBytes, entitledBudgetBytes, memoryBytes, os }: DeviceProfile,
  budgetBytes: number | null,
  isGiven: boolean,
): { readonly verdict: Verdict; readonly reasons: string[] } {
  const { totalBytes, anonymousBytes } = memory;
  if (budgetBytes === null) {
    const unknown = 'what this phone gives an app is not known: give --budget';
    return { verdict: 'tight', reasons: [`needs ${gigabytes(totalBytes)}`, unknown] };
  }
  const basis = isGiven ? 'as given' : appBudgetBytes?.note;
  const sum = `needs ${gigabytes(totalBytes)} of ${gigabytes(budgetBytes)}${basis === undefined ? '' : ` (${basis})`}`;
  if (totalBytes <= COMFORTABLE * budgetBytes) return { verdict: 'fits', reasons: [sum] };
  if (totalBytes <= budgetBytes) {
    return { verdict: 'tight', reasons: [sum, 'little is left for the app and the system'] };
  }
  const reasons = [sum];
  const entitled = isGiven ? undefined : entitledBudgetBytes?.value;
  if (entitled !== undefined && totalBytes <= entitled) {
    reasons.push(`with the increased-memory entitlement an app has ${gigabytes(entitled)}`);
    return { verdict: 'tight', reasons };
  }
  const workingSet = (memoryBytes?.value ?? 0) * METAL_WORKING_SET;
  if (os === 'ios' && anonymousBytes <= COMFORTABLE * budgetBytes && totalBytes <= workingSet) {
    reasons.push(
      `with mmap only ${gigabytes(anonymousBytes)} count: the weights are file pages, read again when iOS drops them`,
    );
    return { verdict: 'tight', reasons };
  }
  return { verdict: 'no', reasons };
}

function remarks(
  header: GgufHeader,
  { kvBytes, totalBytes, kvBytesPerToken }: PhoneMemory,
  contextSize: number,
  cacheType: CacheType,
): string[] {
  const said: string[] = [];
  const trained = modelFacts(header).contextLength;
  if (trained !== undefined && contextSize > trained) {
    said.push(
      `trained for ${trained.toLocaleString('en-US')} tokens, ${contextSize.toLocaleString('en-US')} is beyond it`,
    );
  }
  if (hasNoGroupedQueries(header) && kvBytes > totalBytes / 10) {
    said.push(
      `no grouped-query attention: each token of context takes ${Math.round(kvBytesPerToken / 1024)} KiB in ${cacheType}, ` +
        `${gigabytes(kvBytes)} for ${contextSize.toLocaleString('en-US')}`,
    );
  }
  return said;
}

function repackingOf({ repackedBytes, weightsBytes }: PhoneMemory): string[] {
  if (repackedBytes <= weightsBytes / 2) return [];
  return ['the CPU rearranges most of the weights: with mmap that is a copy beside the file’s pages'];
}

/** First a smaller cache type, then a smaller context, then both; never below 512 tokens. */
function changeThatFits(
  header: GgufHeader,
  backend: Backend,
  asked: FitChange,
  budgetBytes: number,
): FitChange | null {
  const limit = COMFORTABLE * budgetBytes;
  const fits = (change: FitChange): boolean =>
    (phoneMemory(header, { ...change, backend })?.totalBytes ?? Number.POSITIVE_INFINITY) <= limit;
  const smaller = asked.cacheType === 'f16' ? (['q8_0', 'q4_0'] as const) : [];
  const [halved = asked.cacheType] = smaller;
  if (fits({ ...asked, cacheType: halved }) && halved !== asked.cacheType)
    return { ...asked, cacheType: halved };
  for (const cacheType of [asked.cacheType, ...smaller]) {
    const contextSize = largestContext((size) => fits({ contextSize: size, cacheType }), asked.contextSize);
    if (contextSize !== null) return { contextSize, cacheType };
  }
  return null;
}

/** In steps of 256, as llama.cpp rounds; memory only grows with the context. */
function largestContext(fits: (contextSize: number) => boolean, below: number): number | null {
  let [low, high] = [Math.ceil(SMALLEST_CONTEXT / CONTEXT_STEP), Math.floor((below - 1) / CONTEXT_STEP)];
  if (high < low || !fits(low * CONTEXT_STEP)) return null;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle * CONTEXT_STEP)) low = middle;
    else high = middle - 1;
  }
  return low * CONTEXT_STEP;
}

export function changeText({ contextSize, cacheType }: FitChange): string {
  const article = cacheType.startsWith('f') || cacheType.startsWith('i') ? 'an' : 'a';
  return `a context of ${contextSize.toLocaleString('en-US')} and ${article} ${cacheType} cache`;
}

/** The fastest backend's generation, measured or predicted. */
export function bestSpeed({ speeds }: Pick<DeviceFit, 'speeds'>): PhoneSpeed | null {
  let best: PhoneSpeed | null = null;
  for (const speed of speeds) {
    if ('generationTps' in speed && speed.generationTps > (best?.generationTps ?? 0)) best = speed;
  }
  return best;
}

/** Decimal, as the limits of phones are told. */
export function gigabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}
