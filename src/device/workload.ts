import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import { getNumber } from '../gguf/metadata.ts';
import { perHeader } from '../gguf/per-header.ts';
import { placeOfTensor } from '../gguf/tensor-names.ts';
import { layoutOf, type TensorType } from '../gguf/tensor-types.ts';
import { layerMemories } from './attention-layers.ts';

/** Matrices of one type that every token is multiplied with. */
export interface MatrixShare {
  readonly type: TensorType;
  /** The output matrix is apart from those of the layers: GPUs treat it differently for its size. */
  readonly isOutput: boolean;
  readonly bytes: number;
  readonly elements: number;
  /** Separate multiplications: each is a launch on a GPU and, on the CPU, a barrier of its threads. */
  readonly matrices: number;
  /** Of the largest matrix. */
  readonly rows: number;
  readonly largestElements: number;
  /** Of quantized matrices with fewer than 512 rows or columns, for which Adreno's own kernels are not used. */
  readonly narrowElements: number;
}

/** Matrices of a layer that nothing else of the graph comes between, as Q, K and V. */
export interface Stage {
  readonly types: readonly TensorType[];
  /** Stages of these very types. */
  readonly count: number;
}

/** What the evaluation of one token has to read and to multiply, from the header alone. */
export interface Workload {
  readonly matrices: readonly MatrixShare[];
  /** Without the output matrix. */
  readonly stages: readonly Stage[];
  readonly layers: number;
  /** Of a token's graph, about: one for each tensor of a layer, norms and biases among them, and attention's own. */
  readonly operations: number;
  /** With a state matrix (Mamba, delta nets), which GPU backends pass back to the CPU; short convolutions are cheap. */
  readonly recurrentLayers: number;
  /** Bytes of keys and values that one token of depth adds to what attention reads, in f16. */
  readonly kvBytesPerToken: number;
  /** Heads × head length, summed over the layers: the work of attention for a token of depth. */
  readonly attentionElements: number;
  /** Logits that a tanh caps (Gemma 2 and 4), which the CPU does in one thread (ggml_get_n_tasks). */
  readonly cappedLogits: number;
}

/** Of a layer without tensors: norms, rotations, cache writes, attention, the gate's product, sums. */
const PLAIN_OPERATIONS = 13;
/** use_adreno_kernels of ggml-opencl.cpp. */
const NARROW = 512;

/** Null where the header describes no layers. */
export const workloadOf: (header: GgufHeader) => Workload | null = perHeader(workOf);

function workOf(header: GgufHeader): Workload | null {
  const memories = layerMemories(header);
  if (memories.length === 0) return null;
  const facts = modelFacts(header);
  const { experts = 0, expertsUsed = 0 } = facts;
  const activeShare = experts > 0 && expertsUsed > 0 ? Math.min(1, expertsUsed / experts) : 1;
  const hasOutput = header.tensors.some(({ name }) => name === 'output.weight');
  const shares = new Map<string, MatrixShare>();
  const stageTypes = new Map<string, Set<TensorType>>();
  const recurrent = new Set<number>();
  let layerTensors = 0;
  for (const { name, type, shape, sizeBytes, elements } of header.tensors) {
    const { layer, role } = placeOfTensor(name);
    if (layer !== undefined) layerTensors++;
    if (layer !== undefined && /^(ssm_|time_mix)/.test(role)) recurrent.add(layer);
    if (shape.length < 2) continue;
    const isOutput = name === 'output.weight' || (!hasOutput && name === 'token_embd.weight');
    // Embeddings are looked up: one row a token.
    if (!isOutput && (/token_embd\.weight$|^rope|position_embd/.test(name) || /conv|norm/.test(role)))
      continue;
    // Layers that reuse another's cache keep key and value matrices that are never multiplied.
    if (layer !== undefined && /^attn_[kv]$/.test(role) && memories[layer]?.keyElements === 0) continue;
    const share = /_exps/.test(name) ? activeShare : 1;
    const rows = shape.slice(1).reduce((product, length) => product * length, 1);
    const isNarrow = isQuantized(type) && Math.min(shape[0] ?? 0, rows) < NARROW;
    if (!isOutput) {
      const stage = `${layer} ${stageOf(role)}`;
      stageTypes.set(stage, (stageTypes.get(stage) ?? new Set()).add(type));
    }
    const key = `${type} ${isOutput}`;
    const before = shares.get(key);
    shares.set(key, {
      type,
      isOutput,
      bytes: (before?.bytes ?? 0) + sizeBytes * share,
      elements: (before?.elements ?? 0) + elements * share,
      matrices: (before?.matrices ?? 0) + 1,
      rows: Math.max(before?.rows ?? 0, rows),
      largestElements: Math.max(before?.largestElements ?? 0, elements),
      narrowElements: (before?.narrowElements ?? 0) + (isNarrow ? elements * share : 0),
    });
  }
  const isCapped = (getNumber(header, `${facts.architecture}.final_logit_softcapping`) ?? 0) > 0;
  const F16_BYTES = 2;
  return {
    matrices: [...shares.values()],
    stages: countedStages(stageTypes),
    layers: memories.length,
    operations: layerTensors + PLAIN_OPERATIONS * memories.length,
    recurrentLayers: recurrent.size,
    kvBytesPerToken: memories.reduce((sum, m) => sum + (m.keyElements + m.valueElements) * F16_BYTES, 0),
    attentionElements:
      (facts.heads ?? 0) * (facts.keyLength ?? 0) * memories.filter((m) => m.stateElements === 0).length,
    cappedLogits: isCapped ? (facts.vocabularySize ?? 0) : 0,
  };
}

/** The matrices of a layer that are multiplied with the same activations. */
function stageOf(role: string): string {
  if (/^(attn_(q|k|v|qkv|gate)|ssm_(alpha|beta|in)|shortconv\.in_proj)$/.test(role)) return 'in';
  return /^ffn_(gate|up)(_|$)/.test(role) ? 'up' : role;
}

/** Most layers are alike, so most stages are. */
function countedStages(stageTypes: ReadonlyMap<string, ReadonlySet<TensorType>>): Stage[] {
  const counted = new Map<string, Stage>();
  for (const types of stageTypes.values()) {
    const sorted = [...types].sort();
    const key = sorted.join();
    counted.set(key, { types: sorted, count: (counted.get(key)?.count ?? 0) + 1 });
  }
  return [...counted.values()];
}

function isQuantized(type: TensorType): boolean {
  return layoutOf(type).blockElements > 1;
}

/** The type that most of the layers' bytes are in; null without matrices. */
export function mainTypeOf({ matrices }: Workload): TensorType | null {
  const [largest] = matrices.filter(({ isOutput }) => !isOutput).sort((a, b) => b.bytes - a.bytes);
  return largest?.type ?? null;
}

/** Bits a weight in the layers: unlike those of the whole file, they are not raised by a large embedding. */
export function layerBitsOf({ matrices }: Workload): number {
  const inLayers = matrices.filter(({ isOutput }) => !isOutput);
  const elements = inLayers.reduce((sum, share) => sum + share.elements, 0);
  return elements === 0 ? 0 : (8 * inLayers.reduce((sum, share) => sum + share.bytes, 0)) / elements;
}
