import type { CommonCacheType } from '../../schema/terms.ts';
import type { Host } from '../host.ts';
import { ENGINE_DEFAULTS } from '../request.ts';

export const KIT_BACKENDS = ['cpu', 'opencl', 'hexagon', 'metal'] as const;

/** What a kit is for. What is left out is as {@link KIT_DEFAULTS} has it. */
export interface KitRequest extends Host {
  /** The phone, by name. Default: the CPU of any phone. */
  readonly device?: string;
  /** Tokens of context on the phone. Default: as trained, at most 4096, less where it must be. */
  readonly context?: number;
  /** Type of keys and values there. Default: f16, less where it must be. */
  readonly cacheType?: CommonCacheType;
  /** What runs it on the phone. Default: its fastest. */
  readonly backend?: (typeof KIT_BACKENDS)[number];
  /** Path of a file with more phones. */
  readonly devices?: string;
  /** Threads of the golden run here. Default: llama.cpp's own choice. */
  readonly threads?: number;
  /** Seconds that any one step may take. */
  readonly timeout?: number;
}

export const KIT_DEFAULTS = { timeout: ENGINE_DEFAULTS.timeout } as const satisfies KitRequest;

/** What a phone's results are checked against, and where their speed is kept. */
export interface KitCheckRequest {
  /** Path of the kit's golden.json. Default: beside the results, then in quantscope-kit. */
  readonly golden?: string;
  /** Keeps the phone's speed for `fit`, in the user's file of devices, where the phone computes the same. */
  readonly learn?: boolean;
  /** Tokens a second that the phone must sustain over its minutes of use. */
  readonly minSustainedTps?: number;
  /** Watt-hours that its battery holds. Default: of a new one, where that is known of the kit's phone. */
  readonly batteryWh?: number;
  /** With `learn`: the phone it was. Default: the one that the kit was made for. */
  readonly device?: string;
  /** With `learn`: the path to keep it at. */
  readonly devices?: string;
  readonly signal?: AbortSignal;
}
