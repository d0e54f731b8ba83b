import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import type { DeviceProfile } from '../schema/phone-data.ts';
import type { CacheType, PhoneBackend } from '../schema/terms.ts';
import { UsageError } from '../util/errors.ts';
import { formatBytes, gigabytes } from '../util/units.ts';
import { fastestUsual, isExperimental } from './fastest-speed.ts';
import { type DeviceFit, fitOn, stretchedText } from './fit.ts';
import type { TokenBytes } from './footprint.ts';
import { attendsItself, cacheTypeFits, LLAMA_RN, refusedCacheType } from './kernels.ts';
import { type PhoneMemory, phoneMemory } from './phone-memory.ts';
import type { NoSpeed, PhoneSpeed } from './predict-speed.ts';
import { chipOf, type DeviceCatalogue } from './profiles.ts';

/** A parameter of llama.rn's initLlama with the reason for its value. */
export interface KitParameter {
  readonly name: string;
  readonly value: number | boolean | string | readonly string[];
  readonly reason: string;
}

export interface KitRequest {
  /** Default: what the model was trained for, at most 4,096, and less where that does not fit. */
  readonly contextSize?: number;
  /** Default: f16, and smaller where that makes it fit. */
  readonly cacheType?: CacheType;
  /** Default: the phone's fastest of those that llama.rn does not call experimental. */
  readonly backend?: PhoneBackend;
}

/** How an app should load a model on a phone, and what that costs. */
export interface KitPlan {
  readonly backend: PhoneBackend;
  readonly contextSize: number;
  readonly cacheType: CacheType;
  readonly memory: PhoneMemory;
  /** Null without a phone. */
  readonly fit: DeviceFit | null;
  readonly speed: PhoneSpeed | NoSpeed;
  readonly parameters: readonly KitParameter[];
}

const USUAL_CONTEXT = 4096;
/** A chat of some turns: rather a tight fit with it than a comfortable one with less. Phones were measured with it. */
const CHAT_CONTEXT = 2048;
/** What the phones of the measured rows evaluated at once; llama.rn's own batch is 2048. */
const BATCH = 512;
/** More than any model has layers: all of them, and the output. */
const ALL_LAYERS = 99;

/**
 * Chooses llama.rn's parameters for a model on a phone, or for any phone's CPU.
 * @returns null where the header does not describe a model that could be loaded
 * @throws UsageError `kit/backend` where the phone does not have the one asked for; `kit/cache-type` for one that
 *   llama.cpp refuses
 */
export function kitPlan(
  header: GgufHeader,
  device: DeviceProfile | null,
  catalogue: DeviceCatalogue,
  request: KitRequest,
): KitPlan | null {
  const trained = modelFacts(header).contextLength ?? USUAL_CONTEXT;
  const asked = request.contextSize ?? Math.min(trained, USUAL_CONTEXT);
  const refused = request.cacheType === undefined ? null : refusedCacheType(header, request.cacheType);
  if (refused !== null) {
    throw new UsageError('kit/cache-type', refused, {
      hint: 'Leave --cache-type out, or give f16.',
    });
  }
  if (device === null) {
    const choice = {
      backend: request.backend ?? 'cpu',
      contextSize: asked,
      cacheType: request.cacheType ?? 'f16',
    } as const;
    const memory = phoneMemory(header, choice);
    if (memory === null) return null;
    const speed = { backend: choice.backend, reason: 'the kit was written for no phone in particular' };
    return {
      ...choice,
      memory,
      fit: null,
      speed,
      parameters: parametersOf(header, null, choice, memory, undefined),
    };
  }
  const backend = backendOf(header, device, catalogue, asked, request.backend);
  const judged = (contextSize: number, cacheType: CacheType) =>
    // Memory is judged for the first backend of a profile.
    fitOn(header, { ...device, backends: [backend] }, catalogue, { contextSize, cacheType });
  const offered = (['f16', 'q8_0'] as const).filter((type) => cacheTypeFits(header, type));
  const fit = mildest(request, offered, asked, judged);
  if (fit === null) return null;
  const { contextSize, cacheType, memory } = fit;
  const speed = fit.speeds[0] ?? { backend, reason: 'nothing is known of its speed' };
  const choice = { backend, contextSize, cacheType };
  const gpu = chipOf(device, catalogue)?.gpu?.value;
  return { ...choice, memory, fit, speed, parameters: parametersOf(header, device, choice, memory, gpu) };
}

/** What fits with the least given up; else what is tight with the most given up; else what fit would change. */
function mildest(
  { contextSize, cacheType }: KitRequest,
  offered: readonly CacheType[],
  asked: number,
  judged: (contextSize: number, cacheType: CacheType) => DeviceFit | null,
): DeviceFit | null {
  const contexts = contextSize !== undefined || asked <= CHAT_CONTEXT ? [asked] : [asked, CHAT_CONTEXT];
  const caches: readonly CacheType[] = cacheType === undefined ? offered : [cacheType];
  const tried = caches.flatMap((cache) => contexts.map((context) => judged(context, cache)));
  const [first = null] = tried;
  const chosen =
    tried.find((fit) => fit?.verdict === 'fits') ?? tried.findLast((fit) => fit?.verdict === 'tight');
  if (chosen !== undefined || contextSize !== undefined || cacheType !== undefined) return chosen ?? first;
  const change = first?.change ?? null;
  return change === null ? first : judged(change.contextSize, change.cacheType);
}

function backendOf(
  header: GgufHeader,
  device: DeviceProfile,
  catalogue: DeviceCatalogue,
  contextSize: number,
  asked: PhoneBackend | undefined,
): PhoneBackend {
  const { backends, name } = device;
  if (asked !== undefined) {
    if (backends.includes(asked)) return asked;
    throw new UsageError(
      'kit/backend',
      `${name} has no ${asked} in llama.rn, it has ${backends.join(', ')}`,
      {
        hint: 'Leave --backend out for the fastest of them.',
      },
    );
  }
  const usual = backends.filter((backend) => !isExperimental(backend));
  const fit = fitOn(header, { ...device, backends: usual }, catalogue, { contextSize });
  const known = fit?.speeds.filter((speed) => 'generationTps' in speed) ?? [];
  return fastestUsual(known)?.backend ?? usual[0] ?? 'cpu';
}

function parametersOf(
  header: GgufHeader,
  device: DeviceProfile | null,
  { backend, contextSize, cacheType }: { backend: PhoneBackend; contextSize: number; cacheType: CacheType },
  memory: PhoneMemory,
  gpu: string | undefined,
): KitParameter[] {
  const { kvBytes, perToken, computeBytes, repackedBytes, weightsBytes } = memory;
  const trained = modelFacts(header).contextLength;
  const stretched = stretchedText(header, contextSize);
  const isQuantized = cacheType !== 'f16';
  const isRepacked = repackedBytes > weightsBytes / 2;
  const isOffloaded = backend !== 'cpu';
  const cacheReason = isQuantized
    ? 'takes less than f16, for a little accuracy'
    : "llama.cpp's own, the most exact that is usual";
  return [
    {
      name: 'n_ctx',
      value: contextSize,
      reason:
        `${perToken === null ? 'no cache' : tokenText(perToken)}, ${gigabytes(kvBytes)} in all` +
        (trained === undefined ? '' : `; 0 would be the trained ${trained.toLocaleString('en-US')}`) +
        (stretched === null ? '' : `; ${stretched}`),
    },
    {
      name: 'n_batch',
      value: Math.min(BATCH, contextSize),
      reason: "tokens of a prompt at once, as on the phones that were measured; llama.rn's own is 2048",
    },
    {
      name: 'n_ubatch',
      value: Math.min(BATCH, contextSize),
      reason: `sizes the compute buffer, about ${gigabytes(computeBytes)}`,
    },
    threads(device),
    { name: 'n_parallel', value: 1, reason: 'one conversation has the whole context' },
    isOffloaded
      ? { name: 'n_gpu_layers', value: ALL_LAYERS, reason: `all layers on ${backend}` }
      : { name: 'n_gpu_layers', value: 0, reason: 'the CPU does all the work' },
    ...(backend === 'hexagon'
      ? [
          {
            name: 'devices',
            value: ['HTP0'],
            reason: 'the NPU, which is not taken unless it is named',
          } as const,
        ]
      : []),
    flashAttention(header, backend, cacheType, gpu),
    { name: 'cache_type_k', value: cacheType, reason: cacheReason },
    { name: 'cache_type_v', value: cacheType, reason: 'as the keys' },
    isRepacked
      ? {
          name: 'use_mmap',
          value: false,
          reason: `the CPU rearranges ${gigabytes(repackedBytes)} of the weights into its own memory, mapped pages would come on top`,
        }
      : {
          name: 'use_mmap',
          value: true,
          reason:
            isOffloaded && backend !== 'metal'
              ? 'the file is read once and its pages may be dropped'
              : 'the weights stay pages of the file, which the system may drop and read again',
        },
    ...(memory.stateBytes > 0 ? [stateCache(memory)] : []),
    { name: 'use_mlock', value: false, reason: 'pages that cannot be dropped are what an app is ended for' },
  ];
}

function flashAttention(
  header: GgufHeader,
  backend: PhoneBackend,
  cacheType: CacheType,
  gpu: string | undefined,
): KitParameter {
  const name = 'flash_attn_type';
  const itself = attendsItself(header, backend, { keyType: cacheType, valueType: cacheType, gpu });
  if (cacheType !== 'f16') {
    const where = itself ? '' : `; ${backend} has no kernel for it here, so the CPU runs it`;
    return { name, value: 'on', reason: `llama.cpp needs it for quantized values${where}` };
  }
  if (itself) return { name, value: 'auto', reason: `llama.cpp turns it on: ${backend} has a kernel for it` };
  const on = gpu === undefined ? backend : gpu;
  return { name, value: 'auto', reason: `llama.cpp turns it off, since there is no kernel for it on ${on}` };
}

/** `18.0 KiB a token, 3.0 KiB past the windows`. */
function tokenText({ below, beyond }: TokenBytes): string {
  return `${formatBytes(below)} a token${beyond < below ? `, ${formatBytes(beyond)} past the windows` : ''}`;
}

/** What llama.rn chooses itself, which depends on the library that the phone loads. */
function threads(device: DeviceProfile | null): KitParameter {
  const name = 'n_threads';
  const { threads: usual, threadsWithHexagon } = LLAMA_RN.defaults;
  if (device?.os === 'ios')
    return { name, value: 2, reason: 'its performance cores; Metal does most of the work' };
  const [accelerated = '', plain = ''] = LLAMA_RN.android.libraries;
  if (device !== null && hasAccelerators(device)) {
    const reason = `llama.rn's own choice, on the fastest cores: such a phone loads rnllama_jni_${accelerated}, which has OpenCL and Hexagon`;
    return { name, value: threadsWithHexagon, reason };
  }
  const reason =
    device === null ? '' : `: such a phone loads rnllama_jni_${plain} or an older one, without OpenCL`;
  return { name, value: usual, reason: `llama.rn's own choice on a phone of eight cores${reason}` };
}

function hasAccelerators({ backends }: DeviceProfile): boolean {
  return backends.includes('opencl') || backends.includes('hexagon');
}

/** Recurrent layers cannot go back, so llama.rn keeps states of earlier turns. */
function stateCache({ checkpointBytes, stateBytes }: PhoneMemory): KitParameter {
  const { stateCheckpoints } = LLAMA_RN.defaults;
  return {
    name: 'state_cache_budget_mb',
    value: Math.max(1, Math.ceil(checkpointBytes / 2 ** 20)),
    reason:
      `states of earlier turns, which recurrent layers cannot go back to: ${stateCheckpoints} of ` +
      `${formatBytes(stateBytes)} at most, counted above; 0 reads the whole chat again each turn`,
  };
}
