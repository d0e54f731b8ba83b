import { fileTypeById, fileTypeByLabel, labelInFileName, unknownFileType } from './file-types.ts';
import type { GgufHeader, TensorInfo } from './header.ts';
import { getNumber } from './metadata.ts';
import { placeOfTensor } from './tensor-names.ts';
import { layoutOf, type TensorType } from './tensor-types.ts';

/** What a file is called, where that comes from, and whether its tensors bear it out. */
export interface QuantizationLabel {
  readonly label: string;
  readonly source: 'general.file_type' | 'file name' | 'tensors';
  /** false: the tensors say otherwise, or the number is none, and `reason` says what. */
  readonly agrees: boolean;
  /** Also of a label that is borne out, where the recipe gave most weights another type than it is named after. */
  readonly reason: string | undefined;
}

/** A file's label, checked against its tensors. */
export function quantizationLabel(header: GgufHeader, fileName?: string): QuantizationLabel {
  const id = getNumber(header, 'general.file_type');
  const stated = id === undefined ? undefined : fileTypeById(id)?.label;
  if (stated !== undefined) return checkedLabel(stated, 'general.file_type', header.tensors);
  const named = fileName === undefined ? undefined : labelInFileName(fileName);
  const byTensors = dominantType(weightMatrices(header.tensors)) ?? dominantType(header.tensors) ?? 'unknown';
  if (id !== undefined) {
    const from = named === undefined ? 'tensors' : 'file name';
    return { label: named ?? byTensors, source: from, agrees: false, reason: unknownFileType(id) };
  }
  if (named !== undefined) return checkedLabel(named, 'file name', header.tensors);
  return { label: byTensors, source: 'tensors', agrees: true, reason: undefined };
}

/** A recipe mixes types, and the least of its own type is seen in Q2_K: half of the layers' weights (v0.5.0). */
const LEAST_BASE_SHARE = 0.25;

/** What a weight gets whose rows do not fill the blocks of a type (`tensor_type_fallback`, llama-quant.cpp). */
const FALLBACKS: Readonly<Partial<Record<TensorType, TensorType>>> = {
  IQ1_S: 'IQ4_NL',
  IQ1_M: 'IQ4_NL',
  IQ2_XXS: 'IQ4_NL',
  IQ2_XS: 'IQ4_NL',
  IQ2_S: 'IQ4_NL',
  IQ3_XXS: 'IQ4_NL',
  IQ3_S: 'IQ4_NL',
  IQ4_XS: 'IQ4_NL',
  Q2_0: 'Q4_0',
  Q2_K: 'Q4_0',
  Q3_K: 'Q4_0',
  TQ1_0: 'Q4_0',
  TQ2_0: 'Q4_0',
  Q4_K: 'Q5_0',
  Q5_K: 'Q5_1',
  Q6_K: 'Q8_0',
};

/**
 * A label is borne out where its recipe's base type, or what stands in for it, holds a fair share of the layers'
 * weights: rows that fill no block of the type get another one (576 columns of SmolLM2, 640 of Gemma 3), MXFP4_MOE
 * is for experts alone, and most recipes give some weights more bits.
 */
function checkedLabel(
  label: string,
  source: QuantizationLabel['source'],
  tensors: readonly TensorInfo[],
): QuantizationLabel {
  const agrees: QuantizationLabel = { label, source, agrees: true, reason: undefined };
  const recipe = fileTypeByLabel(label) ?? fileTypeByLabel(`${label}_M`);
  if (recipe === undefined) return agrees;
  const { baseType } = recipe;
  const matrices = weightMatrices(tensors);
  const total = elementsOf(matrices);
  if (total === 0) return agrees;
  const isOfRecipe = (tensor: TensorInfo) => tensor.type === expectedType(recipe.label, baseType, tensor);
  const base = elementsOf(matrices.filter(({ type }) => type === baseType));
  const borneOut = elementsOf(matrices.filter(isOfRecipe));
  // Rows that do not fill the blocks may have got whatever another version, or another tool, gives them.
  const fitting = matrices.filter((tensor) => fits(tensor, baseType));
  const baseOfFitting = elementsOf(fitting.filter(({ type }) => type === baseType));
  const isBorneOut =
    borneOut / total >= LEAST_BASE_SHARE ||
    (fitting.length > 0 && baseOfFitting / elementsOf(fitting) >= LEAST_BASE_SHARE) ||
    (fitting.length === 0 && matrices.some(({ type }) => layoutOf(type).blockElements > 1)) ||
    (fitting.length === 0 && !matrices.some(isQuantizable));
  if (isBorneOut)
    return {
      ...agrees,
      reason: base / total < 0.5 ? whyOthers(recipe.label, baseType, matrices) : undefined,
    };
  if (!matrices.some(({ type }) => layoutOf(type).blockElements > 1)) {
    const reason = `${label} stands for ${baseType}, and none of the layers' weights are quantized`;
    return { label, source, agrees: false, reason };
  }
  const dominant = dominantType(matrices);
  const held = elementsOf(matrices.filter(({ type }) => type === dominant));
  const others = held * 2 > total ? `most are ${dominant}` : `the largest share is ${dominant}`;
  const share = `${((100 * base) / total).toFixed(1)} %`;
  const reason = `${label} stands for ${baseType}, which holds ${share} of the layers' weights; ${others}`;
  return { label, source, agrees: false, reason };
}

function expectedType(label: string, baseType: TensorType, tensor: TensorInfo): TensorType {
  if (label === 'MXFP4_MOE' && !isExperts(tensor)) return 'Q8_0';
  return fits(tensor, baseType) ? baseType : (FALLBACKS[baseType] ?? baseType);
}

/** Why a recipe gave most weights other types than the one it is named after; undefined where that is its mix. */
function whyOthers(label: string, baseType: TensorType, matrices: readonly TensorInfo[]): string | undefined {
  if (label === 'MXFP4_MOE' && !matrices.some(isExperts)) {
    return 'all Q8_0, because the recipe has MXFP4 for experts and the model has none';
  }
  const { blockElements } = layoutOf(baseType);
  const others = matrices.filter((tensor) => !fits(tensor, baseType));
  const columns = [...new Set(others.map(({ shape }) => shape[0] ?? 0))];
  if (elementsOf(others) * 2 < elementsOf(matrices)) return undefined;
  const rows = columns.slice(0, 3).join(' and ');
  return `mostly fallback types (${typesOf(others)}), because rows of ${rows} are no multiple of ${blockElements}`;
}

/** The types of some tensors that matter, most weights first. */
function typesOf(tensors: readonly TensorInfo[]): string {
  const total = elementsOf(tensors);
  const byType = new Map<TensorType, number>();
  for (const { type, elements } of tensors) byType.set(type, (byType.get(type) ?? 0) + elements);
  return [...byType]
    .filter(([, elements]) => elements >= total / 10)
    .sort(([, a], [, b]) => b - a)
    .map(([type]) => type)
    .join(', ');
}

function fits({ shape }: TensorInfo, type: TensorType): boolean {
  return (shape[0] ?? 0) % layoutOf(type).blockElements === 0;
}

function isExperts({ name }: TensorInfo): boolean {
  return /_exps\./.test(name);
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
  const types = [...new Set(tensors.map(({ type }) => type))];
  const held = (type: TensorType) => elementsOf(tensors.filter((tensor) => tensor.type === type));
  return types.sort((a, b) => held(b) - held(a))[0];
}

function elementsOf(tensors: readonly TensorInfo[]): number {
  return tensors.reduce((sum, { elements }) => sum + elements, 0);
}
