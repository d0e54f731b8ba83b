import type { QuantizeRequest as EngineRequest, EngineSession, QuantizeOutcome } from '../../engine/index.ts';
import {
  bytesForElements,
  layoutOf,
  parameterCount,
  type TensorInfo,
  type TensorType,
} from '../../gguf/index.ts';
import type { Model, ModelHeader } from '../../model/model.ts';
import { misfitOf } from '../../quantize/imatrix-file.ts';
import { type Recipe, tensorTypeOf } from '../../quantize/recipes.ts';
import type { QuantizedVariant } from '../../schema/quantize.ts';
import { UsageError } from '../../util/errors.ts';
import type { Settings } from './settings.ts';

/** What a recipe makes of a model, as a dry run tells it. */
export interface Plan {
  readonly recipe: Recipe;
  readonly tensors: readonly PlannedTensor[];
  readonly outcome: QuantizeOutcome;
}

export interface PlannedTensor {
  readonly tensor: TensorInfo;
  readonly type: TensorType;
  readonly bytes: number;
}

export function recipeFields({ fileType, copies }: Recipe): Pick<EngineRequest, 'fileType' | 'copyOnly'> {
  return { fileType, copyOnly: copies };
}

/**
 * What a recipe would make of a model.
 * @throws UsageError where llama.cpp would refuse in the middle of its work
 */
export async function planRecipe(
  session: EngineSession,
  { path }: Pick<Model, 'path'>,
  source: ModelHeader,
  recipe: Recipe,
  { shared, imatrix }: Settings,
): Promise<Plan> {
  const misfit = imatrix === null ? undefined : misfitOf(imatrix.entries, source.header.tensors);
  if (misfit !== undefined) {
    throw new UsageError(
      'quantize/other-imatrix',
      `the importance matrix has ${misfit.got} values for ${misfit.name}, expected ${misfit.expected}: it is another model's`,
      { hint: 'Make one of this model: quantscope imatrix SOURCE --out imatrix.gguf.' },
    );
  }
  const outcome = await session.quantize({
    ...shared,
    ...recipeFields(recipe),
    sourcePath: path,
    outputPath: '',
    dryRun: true,
  });
  if (outcome.needsImatrix && imatrix === null) {
    throw new UsageError('quantize/needs-imatrix', `${recipe.name} needs an importance matrix`, {
      hint: 'Make one: quantscope imatrix SOURCE --out imatrix.gguf; then add --imatrix imatrix.gguf.',
    });
  }
  const tensors = plannedTensors(source, outcome);
  const twice = tensors.filter(isRequantized);
  const [first] = twice;
  if (first === undefined || shared.allowRequantize) return { recipe, tensors, outcome };
  throw new UsageError(
    'quantize/requantize',
    `${twice.length} tensors of the source are quantized already (${first.tensor.name} is ${first.tensor.type})`,
    {
      hint: 'Take the F16 or BF16 file of the model. --allow-requantize goes on all the same, and the result loses twice.',
    },
  );
}

export function isQuantized(type: TensorType): boolean {
  return layoutOf(type).blockElements > 1;
}

/** Whether it was quantized before, and is again. */
export function isRequantized({ tensor, type }: PlannedTensor): boolean {
  return tensor.type !== type && isQuantized(tensor.type);
}

/** The engine's types of tensors, in its order, beside what the header says of them. */
function plannedTensors({ header }: ModelHeader, { tensors }: QuantizeOutcome): PlannedTensor[] {
  const byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  return tensors.map(({ name, to }) => {
    const tensor = byName.get(name);
    const type = tensorTypeOf(to);
    if (tensor === undefined || type === undefined) {
      throw new UsageError('quantize/failed', `llama.cpp told of ${name} as ${to}, which is not known`);
    }
    return { tensor, type, bytes: bytesForElements(type, tensor.elements) };
  });
}

export function asIs(tensor: TensorInfo): PlannedTensor {
  return { tensor, type: tensor.type, bytes: tensor.sizeBytes };
}

export function mixOf(tensors: readonly PlannedTensor[]): Pick<QuantizedVariant, 'bitsPerWeight' | 'byType'> {
  const byType = new Map<TensorType, { tensors: number; bytes: number }>();
  for (const { type, bytes } of tensors) {
    const sum = byType.get(type) ?? { tensors: 0, bytes: 0 };
    byType.set(type, { tensors: sum.tensors + 1, bytes: sum.bytes + bytes });
  }
  const bytes = tensors.reduce((sum, each) => sum + each.bytes, 0);
  return {
    bitsPerWeight:
      (bytes * 8) / Math.max(1, parameterCount({ tensors: tensors.map(({ tensor }) => tensor) })),
    byType: [...byType].map(([type, sums]) => ({ type, ...sums })).sort((a, b) => b.bytes - a.bytes),
  };
}

/** llama.cpp pads tensors to this whatever the source says (GGUF_DEFAULT_ALIGNMENT). */
const ALIGNMENT = 32;
const FILE_TYPE_BYTES = 8 + 'general.file_type'.length + 4 + 4;
const VERSION_BYTES = 8 + 'general.quantization_version'.length + 4 + 4;

/** Bytes of the file that will be written; of several shards about, as each has a header of its own. */
export function plannedBytes({ tensors }: Plan, source: ModelHeader, { shared }: Settings): number {
  const { metadata } = source.header;
  const added =
    (metadata.has('general.file_type') ? 0 : FILE_TYPE_BYTES) +
    (metadata.has('general.quantization_version') ? 0 : VERSION_BYTES) +
    shared.overrides.reduce(
      (sum, override) => sum + (metadata.has(override.key) ? 0 : overrideBytes(override)),
      0,
    );
  const [first] = source.files;
  const data = tensors.reduce((sum, { bytes }) => sum + padded(bytes), 0);
  return padded((first?.dataOffset ?? 0) + added) + data;
}

function overrideBytes({ key, type, value }: EngineRequest['overrides'][number]): number {
  const valueBytes = type === 'bool' ? 1 : type === 'str' ? 8 + Buffer.byteLength(value) : 4;
  return 8 + Buffer.byteLength(key) + 4 + valueBytes;
}

/** Bytes that a tensor takes in a file. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
