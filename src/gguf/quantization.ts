import { parameterCount } from './facts.ts';
import type { GgufHeader, TensorInfo } from './header.ts';
import { perHeader } from './per-header.ts';
import { type QuantizationLabel, quantizationLabel } from './quantization-label.ts';
import { placeOfTensor } from './tensor-names.ts';
import type { TensorType } from './tensor-types.ts';

/** What of a file is stored in one tensor type. */
export interface TypeShare {
  readonly type: TensorType;
  readonly tensors: number;
  readonly bytes: number;
  readonly elements: number;
}

/** What the tensors of one role (`attn_q`, `ffn_down`, ...) take, over all layers. */
export interface RoleShare {
  readonly role: string;
  readonly tensors: number;
  readonly bytes: number;
  readonly elements: number;
  readonly bitsPerWeight: number;
  /** Largest first. */
  readonly byType: readonly TypeShare[];
}

/** Types of one layer's tensors by role. */
export interface LayerMix {
  readonly layer: number;
  readonly types: ReadonlyMap<string, TensorType>;
  readonly bytes: number;
  readonly elements: number;
  readonly bitsPerWeight: number;
}

export interface Quantization {
  readonly label: QuantizationLabel;
  readonly parameters: number;
  /** Bytes of all tensors, without padding. */
  readonly tensorBytes: number;
  readonly bitsPerWeight: number;
  /** Most bytes first. */
  readonly byType: readonly TypeShare[];
  /** In the order of first appearance in layer 0, then the roles outside the layers. */
  readonly byRole: readonly RoleShare[];
  readonly layers: readonly LayerMix[];
}

type HasTensors = Pick<GgufHeader, 'tensors'>;

/**
 * How a file is quantized, from its header.
 * @param fileName consulted for the label where `general.file_type` is absent
 */
export function quantizationOf(header: GgufHeader, fileName?: string): Quantization {
  const parameters = parameterCount(header);
  const tensorBytes = header.tensors.reduce((sum, tensor) => sum + tensor.sizeBytes, 0);
  return {
    label: quantizationLabel(header, fileName),
    parameters,
    tensorBytes,
    bitsPerWeight: bitsPerWeight(tensorBytes, parameters),
    byType: sharesByType(header.tensors),
    byRole: sharesByRole(header),
    layers: layerMixes(header),
  };
}

/** Bytes and tensors of each type in use, most bytes first. */
export function sharesByType(tensors: readonly TensorInfo[]): TypeShare[] {
  return [...groupBy(tensors, (tensor) => tensor.type)]
    .map(([type, members]) => ({ type, ...totals(members) }))
    .sort((a, b) => b.bytes - a.bytes);
}

/** Bytes and tensors of each role. */
export const sharesByRole: (header: HasTensors) => readonly RoleShare[] = perHeader(roleSharesOf);

function roleSharesOf(header: HasTensors): RoleShare[] {
  return [...groupBy(header.tensors, (tensor) => placeOfTensor(tensor.name).role)].map(([role, members]) => {
    const total = totals(members);
    return {
      role,
      ...total,
      bitsPerWeight: bitsPerWeight(total.bytes, total.elements),
      byType: sharesByType(members),
    };
  });
}

/** The types in each layer, by layer number. */
export const layerMixes: (header: HasTensors) => readonly LayerMix[] = perHeader(mixesOf);

function mixesOf(header: HasTensors): LayerMix[] {
  const groups = new Map<number, { types: Map<string, TensorType>; bytes: number; elements: number }>();
  for (const { name, type, sizeBytes, elements } of header.tensors) {
    const { layer, role } = placeOfTensor(name);
    if (layer === undefined) continue;
    const group = groups.get(layer) ?? { types: new Map<string, TensorType>(), bytes: 0, elements: 0 };
    groups.set(layer, group);
    group.types.set(role, type);
    group.bytes += sizeBytes;
    group.elements += elements;
  }
  return [...groups]
    .map(([layer, group]) => ({
      layer,
      ...group,
      bitsPerWeight: bitsPerWeight(group.bytes, group.elements),
    }))
    .sort((a, b) => a.layer - b.layer);
}

function totals(tensors: readonly TensorInfo[]): { tensors: number; bytes: number; elements: number } {
  let [bytes, elements] = [0, 0];
  for (const tensor of tensors) {
    bytes += tensor.sizeBytes;
    elements += tensor.elements;
  }
  return { tensors: tensors.length, bytes, elements };
}

function groupBy<K>(tensors: readonly TensorInfo[], keyOf: (tensor: TensorInfo) => K): Map<K, TensorInfo[]> {
  const groups = new Map<K, TensorInfo[]>();
  for (const tensor of tensors) {
    const key = keyOf(tensor);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [tensor]);
    else group.push(tensor);
  }
  return groups;
}

function bitsPerWeight(bytes: number, elements: number): number {
  return elements === 0 ? 0 : (bytes * 8) / elements;
}
