import type { EngineInfo } from './engine.ts';
import { EngineError } from './errors.ts';

/**
 * The typed binding under node-llama-cpp's public classes, as far as this product uses it. It is not public, so the
 * version is pinned exactly and `bindingsIn` looks at the shape before anything is measured.
 * Source: node-llama-cpp 3.22.1, dist/bindings/AddonTypes.d.ts and llama/addon/*.cpp.
 */
export interface Bindings {
  readonly AddonModel: new (path: string, params: ModelParams) => AddonModel;
  readonly AddonContext: new (model: AddonModel, params: ContextParams) => AddonContext;
  readonly AddonSampler: new (model: AddonModel) => AddonSampler;
  readonly AddonJinjaRenderer: new (template: string) => { render(items: Record<string, unknown>): string };
  getSupportsMmap(): boolean;
  /** Whether another part of the process has loaded it before. */
  markLoaded(): boolean;
  setLogger(logger: (level: number, text: string) => void): void;
  setLoggerLogLevel(level: number): void;
  /** @param folder where the libraries of the backends lie; without it beside the program */
  loadBackends(folder?: string): void;
  /** `false` on the CPU; undefined before a backend is loaded. */
  getGpuType(): 'cuda' | 'vulkan' | 'metal' | false | undefined;
  systemInfo(): string;
  getMathCores(): number;
  init(): Promise<void>;
  dispose(): Promise<void>;
}

/** A llama.cpp that runs in this process. */
export interface StartedBinding {
  readonly bindings: Bindings;
  readonly info: EngineInfo;
  readonly dispose: () => Promise<void>;
}

interface ModelParams {
  readonly addonExports: Bindings;
  readonly gpuLayers: number;
  readonly useMmap: boolean;
}

interface ContextParams {
  readonly contextSize: number;
  readonly batchSize: number;
  readonly sequences: number;
  readonly threads: number;
  readonly flashAttention: boolean | 'auto';
  readonly kvCacheKeyType: number;
  readonly kvCacheValueType: number;
}

interface MemoryBreakdown {
  readonly cpuRam: number;
  readonly gpuVram: number;
}

export interface AddonModel {
  init(): Promise<boolean>;
  dispose(): Promise<void>;
  tokenize(text: string, specialTokens: boolean): Uint32Array;
  detokenize(tokens: Uint32Array, specialTokens: boolean): string;
  getTrainContextSize(): number;
  getModelDescription(): string;
  getMemoryBreakdown(): MemoryBreakdown;
  /** -1 when the vocabulary has none. */
  tokenBos(): number;
  tokenEos(): number;
  getTokenString(token: number): string;
  isEogToken(token: number): boolean;
  shouldPrependBosToken(): boolean;
}

/** Where in the evaluated batch an output lies. */
export type BatchIndex = number & { readonly batchIndex: never };

/** The filter of a `sampleToken`: [tokens, includeMax, includeMin, includeSelected, includeTop]. */
type LogitFilter = [tokens: readonly number[], max: boolean, min: boolean, selected: boolean, top: number];

/** Token and value by turns. */
export type TokenValues = readonly number[];

export interface AddonContext {
  init(): Promise<boolean>;
  dispose(): Promise<void>;
  getContextSize(): number;
  getMemoryBreakdown(): MemoryBreakdown;
  initBatch(size: number): void;
  addToBatch(sequence: number, firstPosition: number, tokens: Uint32Array, outputs: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  setThreads(threads: number): void;
  disposeSequence(sequence: number): void;
  /** Forgets positions `from .. to-1`; false where the cache cannot lose a part, as a recurrent state cannot. */
  removeTokenCellsFromSequence(sequence: number, from: number, to: number): boolean;
  sampleToken(index: BatchIndex, sampler: AddonSampler): Promise<number>;
  sampleToken(
    index: BatchIndex,
    sampler: AddonSampler,
    probabilities: false,
    confidence: false,
    logits: true | LogitFilter,
    totalLogitWeight: boolean,
  ): Promise<
    [
      token: number,
      probabilities: undefined,
      confidence: undefined,
      logits: TokenValues,
      totalWeight?: number,
    ]
  >;
}

export interface AddonSampler {
  dispose(): void;
  applyConfig(config: {
    readonly temperature: number;
    readonly topK?: number;
    readonly topP?: number;
    readonly minP?: number;
    readonly seed?: number;
    readonly repeatPenalty?: number;
    readonly repeatPenaltyMaxTokens?: number;
    readonly repeatPenaltyTokens?: Uint32Array;
    readonly tokenBiasKeys?: Uint32Array;
    readonly tokenBiasValues?: Float32Array;
  }): void;
}

const BINDING_FUNCTIONS = [
  'getSupportsMmap',
  'markLoaded',
  'setLogger',
  'setLoggerLogLevel',
  'loadBackends',
  'getGpuType',
  'systemInfo',
  'getMathCores',
  'init',
  'dispose',
];
const MODEL_METHODS = [
  'init',
  'dispose',
  'tokenize',
  'detokenize',
  'getMemoryBreakdown',
  'shouldPrependBosToken',
];
const CONTEXT_METHODS = [
  'init',
  'initBatch',
  'addToBatch',
  'decodeBatch',
  'setThreads',
  'sampleToken',
  'removeTokenCellsFromSequence',
  'getMemoryBreakdown',
];
const SAMPLER_METHODS = ['applyConfig', 'dispose'];
const RENDERER_METHODS = ['render'];

/**
 * `found` as the binding of a llama.cpp.
 * @throws EngineError `engine/changed` naming what is not where this product expects it
 */
export function bindingsIn(found: unknown): Bindings {
  const missing = [
    ...BINDING_FUNCTIONS.filter((name) => !hasFunction(found, name)),
    ...missingMethods(found, 'AddonModel', MODEL_METHODS),
    ...missingMethods(found, 'AddonContext', CONTEXT_METHODS),
    ...missingMethods(found, 'AddonSampler', SAMPLER_METHODS),
    ...missingMethods(found, 'AddonJinjaRenderer', RENDERER_METHODS),
  ];
  if (missing.length > 0) {
    throw new EngineError('engine/changed', `node-llama-cpp's binding lacks ${missing.join(', ')}`, {
      hint: 'quantscope needs exactly the version of node-llama-cpp in its package.json: install it again.',
    });
  }
  // The shape was looked at above; the package publishes no type for it.
  return found as Bindings;
}

function missingMethods(bindings: unknown, className: string, methods: readonly string[]): string[] {
  const addonClass: unknown =
    typeof bindings === 'object' && bindings !== null ? Reflect.get(bindings, className) : undefined;
  const prototype: unknown =
    typeof addonClass === 'function' ? Reflect.get(addonClass, 'prototype') : undefined;
  if (typeof prototype !== 'object' || prototype === null) return [className];
  return methods
    .filter((method) => typeof Reflect.get(prototype, method) !== 'function')
    .map((method) => `${className}.${method}`);
}

function hasFunction(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function';
}
