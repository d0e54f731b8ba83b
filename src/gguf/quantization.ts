import { parameterCount } from './facts.ts';
import { fileTypeById, fileTypeByLabel, labelInFileName } from './file-types.ts';
import type { GgufHeader, TensorInfo } from './header.ts';
import { getNumber } from './metadata.ts';
import { placeOfTensor } from './tensor-names.ts';
import { layoutOf, type TensorType } from './tensor-types.ts';

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

/** What a file is called, where that comes from, and whether its tensors bear it out. */
export interface QuantizationLabel {
  readonly label: string;
  readonly source: 'general.file_type' | 'file name' | 'tensors';
  /** false: the tensors say otherwise, and `reason` says what. */
  readonly agrees: boolean;
  readonly reason: string | undefined;
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
export function sharesByRole(header: HasTensors): RoleShare[] {
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
export function layerMixes(header: HasTensors): LayerMix[] {
  const inLayers = header.tensors.filter((tensor) => placeOfTensor(tensor.name).layer !== undefined);
  const groups = groupBy(inLayers, (tensor) => placeOfTensor(tensor.name).layer ?? -1);
  return [...groups]
    .map(([layer, members]) => {
      const { bytes, elements } = totals(members);
      const types = new Map(members.map((tensor) => [placeOfTensor(tensor.name).role, tensor.type]));
      return { layer, types, bytes, elements, bitsPerWeight: bitsPerWeight(bytes, elements) };
    })
    .sort((a, b) => a.layer - b.layer);
}

/** A file's label, checked against its tensors. */
export function quantizationLabel(header: GgufHeader, fileName?: string): QuantizationLabel {
  const id = getNumber(header, 'general.file_type');
  const stated = id === undefined ? undefined : fileTypeById(id)?.label;
  if (stated !== undefined) return checkedLabel(stated, 'general.file_type', header.tensors);
  const named = fileName === undefined ? undefined : labelInFileName(fileName);
  if (named !== undefined) return checkedLabel(named, 'file name', header.tensors);
  const label = dominantType(weightMatrices(header.tensors)) ?? dominantType(header.tensors) ?? 'unknown';
  return { label, source: 'tensors', agrees: true, reason: undefined };
}

/** A recipe mixes types, and the least of its own type is seen in Q2_K: half of the layers' weights (v0.5.0). */
const LEAST_BASE_SHARE = 0.25;

/**
 * A label is borne out where its recipe's base type holds a fair share of the weights that could be of that
 * type: a row that is no multiple of the base type's block falls back to another one (Qwen's 896 columns), and
 * embedding and output have types of their own in most recipes.
 */
function checkedLabel(
  label: string,
  source: QuantizationLabel['source'],
  tensors: readonly TensorInfo[],
): QuantizationLabel {
  const agrees: QuantizationLabel = { label, source, agrees: true, reason: undefined };
  const baseType = fileTypeByLabel(label)?.baseType ?? fileTypeByLabel(`${label}_M`)?.baseType;
  if (baseType === undefined) return agrees;
  const { blockElements } = layoutOf(baseType);
  const eligible = weightMatrices(tensors).filter((tensor) => (tensor.shape[0] ?? 0) % blockElements === 0);
  const total = totals(eligible).elements;
  if (total === 0) {
    const quantizable = weightMatrices(tensors).filter(isQuantizable);
    if (quantizable.length === 0 || quantizable.some(({ type }) => layoutOf(type).blockElements > 1))
      return agrees;
    const reason = `${label} stands for ${baseType}, and none of the layers' weights are quantized`;
    return { label, source, agrees: false, reason };
  }
  const base = totals(eligible.filter((tensor) => tensor.type === baseType)).elements;
  if (base / total >= LEAST_BASE_SHARE) return agrees;
  const dominant = dominantType(eligible);
  const reason = `${label} stands for ${baseType}, which holds ${percent(base, total)} of the layers' weights; most are ${dominant}`;
  return { label, source, agrees: false, reason };
}

/** Matrices inside the layers: what a recipe's base type is for. */
function weightMatrices(tensors: readonly TensorInfo[]): TensorInfo[] {
  return tensors.filter(
    (tensor) => tensor.shape.length >= 2 && placeOfTensor(tensor.name).layer !== undefined,
  );
}

/** Rows that fill no block of 256 get a type with blocks of 32; only those that fill none of these stay floats. */
function isQuantizable({ shape }: TensorInfo): boolean {
  return (shape[0] ?? 0) % 32 === 0;
}

function dominantType(tensors: readonly TensorInfo[]): TensorType | undefined {
  return sharesByType(tensors).sort((a, b) => b.elements - a.elements)[0]?.type;
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

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
