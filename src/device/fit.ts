import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import { ropeFactorsFor, ropeFacts } from '../gguf/rope.ts';
import type { DeviceProfile } from '../schema/phone-data.ts';
import type { FitChange, SmallerWeights } from '../schema/phones.ts';
import type { CacheType, FitVerdict, PhoneBackend } from '../schema/terms.ts';
import { formatBytes, gigabytes } from '../util/units.ts';
import { isByFormula } from './compute-buffer.ts';
import { changesText, changeThatFits, smallerThatFits } from './fit-changes.ts';
import { refusedCacheType } from './kernels.ts';
import { unloadableOn } from './llama-rn-needs.ts';
import {
  hasNoGroupedQueries,
  type PhoneMemory,
  type PhoneMemoryRequest,
  phoneMemory,
} from './phone-memory.ts';
import { type NoSpeed, type PhoneSpeed, speedOn } from './predict-speed.ts';
import { chipOf, type DeviceCatalogue } from './profiles.ts';

export interface FitRequest {
  readonly contextSize: number;
  /** Default: f16. */
  readonly cacheType?: CacheType;
  /** Instead of the profile's. */
  readonly budgetBytes?: number;
  /** Default: as llama.cpp decides. */
  readonly flashAttention?: boolean;
  /** Default: nothing was planned. */
  readonly planned?: PhoneMemoryRequest['planned'];
}

/** Whether a model runs on a phone, and how fast. */
export interface DeviceFit {
  readonly contextSize: number;
  readonly cacheType: CacheType;
  readonly verdict: FitVerdict;
  /** The first of the phone's, for which memory is judged. */
  readonly backend: PhoneBackend;
  /** Estimated from the header. */
  readonly memory: PhoneMemory;
  /** Null where what such a phone gives an app was not measured. */
  readonly budgetBytes: number | null;
  /** One for each backend of the phone, in its order. */
  readonly speeds: readonly (PhoneSpeed | NoSpeed)[];
  readonly reasons: readonly string[];
  /** Why llama.cpp does not open such a context at all; null where it does. */
  readonly refused: string | null;
  /** Why the llama.rn of apps cannot run the file whatever its memory; null where it can. */
  readonly unloadable: string | null;
  readonly change: FitChange | null;
  /** Another quantization of the model that would fit as asked; null where it does fit, or none would. */
  readonly smaller: SmallerWeights | null;
}

/**
 * Up to this share of the budget a load is comfortable: above it the system may have taken a little more, or the app
 * itself. On the 8 GB Galaxy S23 the loads that failed begin at 88 % of the largest that worked.
 */
const COMFORTABLE = 0.85;
/** Metal warns beyond this share of the memory (recommendedMaxWorkingSetSize on every device that logged it). */
const METAL_WORKING_SET = 2 / 3;

/**
 * Judges a model on a phone from its header alone.
 * @returns null where the header does not describe a model that could be loaded
 */
export function fitOn(
  header: GgufHeader,
  device: DeviceProfile,
  catalogue: DeviceCatalogue,
  request: FitRequest,
): DeviceFit | null {
  const { contextSize, cacheType = 'f16', flashAttention, planned } = request;
  const [backend = 'cpu', ...others] = device.backends;
  const gpu = chipOf(device, catalogue)?.gpu?.value;
  const asked = {
    contextSize,
    cacheType,
    gpu,
    ...(flashAttention === undefined ? {} : { flashAttention }),
    ...(planned === undefined ? {} : { planned }),
  };
  const memory = phoneMemory(header, { ...asked, backend });
  if (memory === null) return null;
  const budgetBytes = request.budgetBytes ?? device.appBudgetBytes?.value ?? null;
  const isGiven = request.budgetBytes !== undefined;
  const refused = refusedCacheType(header, cacheType) ?? memory.refused;
  const judged = judge(memory, device, budgetBytes, isGiven);
  const { verdict, reasons } =
    refused === null ? judged : { verdict: 'no' as const, reasons: [...judged.reasons.slice(0, 1), refused] };
  const limitBytes =
    verdict === 'fits' || refused !== null || budgetBytes === null ? null : COMFORTABLE * budgetBytes;
  const change = limitBytes === null ? null : changeThatFits(header, backend, asked, limitBytes);
  const smaller =
    limitBytes === null ? null : smallerThatFits(header, backend, asked, memory.weightsBytes, limitBytes);
  const unloadable = unloadableOn(header, backend);
  const worse = others.flatMap((other) => {
    const more = phoneMemory(header, { ...asked, backend: other });
    if (more === null) return [];
    const there = judge(more, device, budgetBytes, isGiven).verdict;
    return RANK[there] > RANK[verdict] ? [`on ${other} ${gigabytes(more.totalBytes)}: ${there}`] : [];
  });
  return {
    contextSize,
    cacheType,
    verdict,
    backend,
    memory,
    budgetBytes,
    speeds: device.backends.map((each) => speedOn(header, device, catalogue, each)),
    reasons: [
      ...reasons,
      ...worse,
      ...(unloadable === null ? [] : [unloadable]),
      ...remarks(header, memory, contextSize, cacheType),
      ...(verdict === 'tight' || verdict === 'no' ? repackingOf(memory) : []),
      ...(refused === null ? changesText(verdict, change, smaller) : []),
    ],
    refused,
    unloadable,
    change,
    smaller,
  };
}

const RANK = { unknown: 0, fits: 0, tight: 1, no: 2 } as const satisfies Record<FitVerdict, number>;

function judge(
  memory: PhoneMemory,
  { appBudgetBytes, entitledBudgetBytes, memoryBytes, os }: DeviceProfile,
  budgetBytes: number | null,
  isGiven: boolean,
): { readonly verdict: FitVerdict; readonly reasons: string[] } {
  const { totalBytes, anonymousBytes } = memory;
  if (budgetBytes === null) {
    const unknown = 'what this phone gives an app is not known: give --budget';
    return { verdict: 'unknown', reasons: [`needs ${gigabytes(totalBytes)}`, unknown] };
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
  if (!isGiven && os === 'ios' && anonymousBytes <= COMFORTABLE * budgetBytes && totalBytes <= workingSet) {
    reasons.push(
      `with mmap only ${gigabytes(anonymousBytes)} count: the weights are file pages, read again when iOS drops them`,
    );
    return { verdict: 'tight', reasons };
  }
  return { verdict: 'no', reasons };
}

function remarks(
  header: GgufHeader,
  { basis, kvBytes, stateBytes, checkpointBytes, totalBytes, perToken }: PhoneMemory,
  contextSize: number,
  cacheType: CacheType,
): string[] {
  const said: string[] = [];
  const trained = modelFacts(header).contextLength;
  const stretched = stretchedText(header, contextSize);
  if (stretched !== null) said.push(stretched);
  if (trained !== undefined && contextSize > trained) {
    said.push(
      `trained for ${trained.toLocaleString('en-US')} tokens, ${contextSize.toLocaleString('en-US')} is beyond it`,
    );
  }
  if (basis === 'estimated' && isByFormula(header))
    said.push(
      'the compute buffer is a rough guess, as the file has tensors of no known graph: --plan asks llama.cpp',
    );
  if (hasNoGroupedQueries(header) && kvBytes > totalBytes / 10) {
    const { below, beyond } = perToken ?? { below: 0, beyond: 0 };
    const windowed = beyond < below ? ` (past the windows ${formatBytes(beyond)})` : '';
    said.push(
      `no grouped-query attention: each token of context takes ${formatBytes(below)} in ${cacheType}${windowed}, ` +
        `${gigabytes(kvBytes)} for ${contextSize.toLocaleString('en-US')}`,
    );
  }
  if (stateBytes > 0) {
    said.push(
      `the cache includes ${formatBytes(stateBytes)} of recurrent state, and up to ${formatBytes(checkpointBytes)} of ` +
        'earlier states that llama.rn keeps',
    );
  }
  return said;
}

/** What a context beyond the original length does to every prompt; null for others. */
export function stretchedText(header: GgufHeader, contextSize: number): string | null {
  if (ropeFactorsFor(header, contextSize) !== 'long') return null;
  const original = ropeFacts(header).originalContextLength?.toLocaleString('en-US');
  return `beyond the ${original} tokens of the first training every position gets the long rope factors, those of short prompts too`;
}

function repackingOf({ repackedBytes, weightsBytes }: PhoneMemory): string[] {
  if (repackedBytes <= weightsBytes / 2) return [];
  return ['the CPU rearranges most of the weights: with mmap that is a copy beside the file’s pages'];
}
