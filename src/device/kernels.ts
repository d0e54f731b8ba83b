import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import { getNumber } from '../gguf/metadata.ts';
import { layoutOf, type TensorType } from '../gguf/tensor-types.ts';
import type { Kernels, LlamaRn } from '../schema/kernels.ts';
import type { CacheType, EngineBackend, FLASH_ATTENTION, PhoneBackend } from '../schema/terms.ts';
import { packageJson } from '../util/package-files.ts';

// Taken at their word, as data/rules.json is: tests hold both to their schemas and to the sources they were read from.
/** Of the llama.cpp that runs here. */
export const ENGINE_KERNELS = packageJson('data/backend-kernels.json') as Kernels;
/** Of the llama.rn that apps use. */
export const LLAMA_RN = packageJson('data/llama-rn.json') as LlamaRn;

type OwnBackend = keyof Kernels['backends'];
type BackendKernels = NonNullable<Kernels['backends'][OwnBackend]>;

/** llama.rn comes without Vulkan. */
function kernelsOf(backend: OwnBackend, kernels: Kernels): BackendKernels | undefined {
  return kernels.backends[backend] ?? ENGINE_KERNELS.backends[backend];
}

/** Whether a backend multiplies matrices of the type itself; else the CPU does. */
export function multiplies(backend: PhoneBackend, type: TensorType, kernels = LLAMA_RN.kernels): boolean {
  return backend === 'cpu' || kernelsOf(backend, kernels)?.multiplies.includes(type) === true;
}

/** Whether a backend takes matrices of the type on without a kernel for them: the process is ended. */
export function abortsOn(backend: PhoneBackend, type: TensorType): boolean {
  return backend !== 'cpu' && kernelsOf(backend, LLAMA_RN.kernels)?.aborts.includes(type) === true;
}

/** Types of a file's matrices that end the process. */
export function typesThatAbort(header: GgufHeader, backend: PhoneBackend): TensorType[] {
  return matrixTypes(header).filter((type) => abortsOn(backend, type));
}

/** Types of a file's matrices that a backend leaves to the CPU. */
export function typesOnCpu(
  header: GgufHeader,
  backend: PhoneBackend,
  kernels = LLAMA_RN.kernels,
): TensorType[] {
  return matrixTypes(header).filter((type) => !multiplies(backend, type, kernels));
}

/** Of what every token is multiplied with; a row of the embedding is looked up, by the CPU. */
function matrixTypes({ tensors }: GgufHeader): TensorType[] {
  const isTied = !tensors.some(({ name }) => name === 'output.weight');
  const multiplied = tensors.filter(
    ({ name, shape }) => shape.length > 1 && (isTied || name !== 'token_embd.weight'),
  );
  return [...new Set(multiplied.map(({ type }) => type))];
}

/** What a backend of this machine has no kernels for, in words: nothing for the CPU, nor for CUDA, which is in no table. */
export function leftToCpu(
  header: GgufHeader,
  backend: EngineBackend,
  {
    keyType,
    valueType,
    flashAttention,
  }: Attention & { readonly flashAttention: (typeof FLASH_ATTENTION)[number] },
): string[] {
  if (backend === 'cpu' || backend === 'cuda') return [];
  const types = typesOnCpu(header, backend, ENGINE_KERNELS);
  const isQuantized = layoutOf(nameOf(valueType)).blockElements > 1;
  // Left to itself llama.cpp turns it off where the backend has no kernel, but for quantized values, which need it.
  const isOn = flashAttention === 'on' || (flashAttention === 'auto' && isQuantized);
  const attends = !isOn || attendsItself(header, backend, { keyType, valueType }, ENGINE_KERNELS);
  return [
    ...(types.length > 0 ? [`matrices of ${types.join(', ')}`] : []),
    ...(attends ? [] : [`flash attention with ${keyType} keys and ${valueType} values`]),
  ];
}

type Accelerator = 'opencl' | 'hexagon';

/** Whether a backend multiplied a matrix itself in the llama.rn that speeds were measured with. */
export function multiplied(backend: Accelerator, type: TensorType, rows = 0): boolean {
  const { multiplies: types, mostRows } = LLAMA_RN.measured[backend];
  return types.includes(type) && rows <= (mostRows ?? Number.POSITIVE_INFINITY);
}

/** Types of a file's matrices that a backend multiplies itself since the speeds were measured. */
export function typesSinceMeasured(header: GgufHeader, backend: Accelerator): TensorType[] {
  return matrixTypes(header).filter((type) => multiplies(backend, type) && !multiplied(backend, type));
}

export interface Attention {
  readonly keyType: CacheType;
  readonly valueType: CacheType;
  /** The phone's GPU as its maker names it: `Adreno 740`. */
  readonly gpu?: string | undefined;
}

/** Whether a backend runs flash attention itself for this model and cache; else the CPU does, or it is left off. */
export function attendsItself(
  header: GgufHeader,
  backend: PhoneBackend,
  { keyType, valueType, gpu }: Attention,
  kernels = LLAMA_RN.kernels,
): boolean {
  if (backend === 'cpu') return true;
  const own = kernelsOf(backend, kernels);
  if (own === undefined) return false;
  const { headLengths, headMultiple, cacheTypes, mixed, refusedByAdreno } = own.flashAttention;
  const { keyLength = 0, valueLength = 0 } = modelFacts(header);
  if (headLengths !== null && !headLengths.includes(keyLength)) return false;
  if (keyLength % headMultiple !== 0 || valueLength % headMultiple !== 0) return false;
  if (!cacheTypes.includes(keyType) || !cacheTypes.includes(valueType)) return false;
  if (keyType !== valueType && !(mixed.includes(keyType) && mixed.includes(valueType))) return false;
  if (refusedByAdreno === undefined || keyType !== valueType) return true;
  const generation = generationAmong(own.adreno, gpu);
  // Of a GPU that is not known it is not promised.
  return generation !== null && !refusedByAdreno.includes(generation);
}

/** `A7X` of `Adreno 740`; null of a GPU that llama.rn’s OpenCL does not know. */
export function adrenoGeneration(gpu: string | undefined): string | null {
  return generationAmong(LLAMA_RN.kernels.backends.opencl?.adreno, gpu);
}

function generationAmong(adreno: BackendKernels['adreno'] = {}, gpu: string | undefined): string | null {
  const found = Object.entries(adreno).find(([, parts]) => parts.some((part) => gpu?.includes(part)));
  return found?.[0] ?? null;
}

/**
 * Why llama.cpp refuses the type for keys and values, null where it takes it: quantized values need flash attention,
 * and that reads heads in whole blocks, those of windowed layers too (llama-context.cpp).
 */
export function refusedCacheType(header: GgufHeader, type: CacheType): string | null {
  const { blockElements } = layoutOf(nameOf(type));
  const { architecture, keyLength = 0, valueLength = 0 } = modelFacts(header);
  const windowed = ['key', 'value'].map((of) =>
    getNumber(header, `${architecture}.attention.${of}_length_swa`),
  );
  const lengths = new Set([keyLength, valueLength, ...windowed].filter((length) => length !== undefined));
  const odd = [...lengths].filter((length) => length % blockElements !== 0);
  if (odd.length === 0) return null;
  return `llama.cpp refuses a ${type} cache for heads of ${odd.join(' and ')}: they are no multiple of its blocks of ${blockElements}; f16 works`;
}

export function cacheTypeFits(header: GgufHeader, type: CacheType): boolean {
  return refusedCacheType(header, type) === null;
}

function nameOf(type: CacheType): Uppercase<CacheType> {
  return type.toUpperCase() as Uppercase<CacheType>;
}

/** Bytes of the tensors that an ARM CPU with dot products keeps rearranged; rows that do not divide stay as they are. */
export function isRepacked({ type, shape }: GgufHeader['tensors'][number]): boolean {
  const rows = LLAMA_RN.kernels.repacked.neon?.[type];
  return rows !== undefined && (shape.length === 2 || shape.length === 3) && (shape[1] ?? 0) % rows === 0;
}
