import { modelFacts } from '../../gguf/facts.ts';
import type { ArrayView, MetadataValue } from '../../gguf/header.ts';
import { quantizationLabel } from '../../gguf/quantization-label.ts';
import type { ShardedTensor } from '../../gguf/shards.ts';
import { placeOfTensor } from '../../gguf/tensor-names.ts';
import type { MetadataDiff, TensorDiff } from '../../measure/header-diff.ts';
import { emptySums, mergeSums, type WeightErrorSums, weightErrorOf } from '../../measure/weight-error.ts';
import type { ModelHeader } from '../../model/model.ts';
import { shownRef } from '../../model/ref.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { Diff, DiffedFile, DiffedValue, DiffedWeights, TensorError } from '../../schema/diff.ts';
import { jsonScalar } from '../inspect/facts.ts';
import { type ComparedTensor, type ModelPair, unsupportedTypeOf } from './weights.ts';

/** Elements of an array that stand for it. */
const PREVIEW_ELEMENTS = 8;

/** What the document says of one of the files. */
export function fileFacts(ref: string, { header, files, bytes }: ModelHeader): DiffedFile {
  const facts = modelFacts(header);
  return {
    ref: shownRef(ref),
    bytes,
    label: quantizationLabel(header, files[0]?.path ?? ref).label,
    architecture: facts.architecture ?? null,
    parameters: facts.parameters,
    tensors: header.tensors.length,
  };
}

/** Differences of metadata as the document has them. */
export function metadataFacts({ added, removed, changed, equal }: MetadataDiff): Diff['metadata'] {
  return {
    equal,
    added: added.map(({ key, value }) => ({ key, value: valueFacts(value, 0) })),
    removed: removed.map(({ key, value }) => ({ key, value: valueFacts(value, 0) })),
    changed: changed.map(({ key, from, to, elements }) => {
      const first = elements?.first ?? 0;
      const difference = elements === undefined ? null : { ...elements };
      return { key, from: valueFacts(from, first), to: valueFacts(to, first), elements: difference };
    }),
  };
}

function valueFacts(value: MetadataValue, from: number): DiffedValue {
  if (value.type !== 'array') return { type: value.type, value: jsonScalar(value.value) };
  const array: ArrayView = value.value;
  const preview = array.slice(from, Math.min(array.length, from + PREVIEW_ELEMENTS)).map(jsonScalar);
  return { type: 'array', elementType: array.elementType, length: array.length, preview };
}

/** Differences of tensors as the document has them. */
export function tensorFacts(diff: TensorDiff<ShardedTensor>): Diff['tensors'] {
  const facts = ({ name, type, shape }: ShardedTensor) => ({ name, type, shape: [...shape] });
  return {
    common: diff.pairs.length + diff.reshaped.length,
    onlyInA: diff.onlyInA.map(facts),
    onlyInB: diff.onlyInB.map(facts),
    reshaped: diff.reshaped.map(({ name, a, b }) => ({ name, from: [...a.shape], to: [...b.shape] })),
    typeChanges: diff.typeChanges.map((change) => ({ ...change })),
  };
}

/** The errors of compared tensors: each, by role and in all. */
export function weightFacts(
  compared: readonly ComparedTensor[],
  { pairs, reshaped }: TensorDiff<ShardedTensor>,
): DiffedWeights {
  const total = emptySums();
  const roles = new Map<string, { tensors: number; sums: WeightErrorSums }>();
  const tensors: TensorError[] = [];
  for (const { pair, sums, identical } of compared) {
    const { layer, role } = placeOfTensor(pair.name);
    const ofRole = roles.get(role) ?? { tensors: 0, sums: emptySums() };
    roles.set(role, ofRole);
    ofRole.tensors++;
    mergeSums(ofRole.sums, sums);
    mergeSums(total, sums);
    const types = { typeInA: pair.a.type, typeInB: pair.b.type };
    tensors.push({
      name: pair.name,
      role,
      layer: layer ?? null,
      ...types,
      identical,
      ...weightErrorOf(sums),
    });
  }
  return {
    total: weightErrorOf(total),
    identical: compared.filter(({ identical }) => identical).length,
    byRole: [...roles]
      .map(([role, { tensors, sums }]) => ({ role, tensors, ...weightErrorOf(sums) }))
      .sort(byError),
    tensors: tensors.sort(byError),
    notCompared: [
      ...pairs.flatMap((pair) => {
        const type = unsupportedTypeOf(pair);
        return type === undefined ? [] : [incomparable(pair, `weights of type ${type} are not supported`)];
      }),
      ...reshaped.map((pair) => incomparable(pair, 'the shapes differ')),
    ],
  };
}

function incomparable({ name, a, b }: ModelPair, reason: string): DiffedWeights['notCompared'][number] {
  return { name, typeInA: a.type, typeInB: b.type, reason };
}

type HasError = Pick<TensorError, 'relativeRmse' | 'nonFinite'>;

/** Largest first; what has no finite figure is worse than any. */
function byError(one: HasError, other: HasError): number {
  const [left, right] = [severity(one), severity(other)];
  return left === right ? 0 : right > left ? 1 : -1;
}

function severity({ relativeRmse, nonFinite }: HasError): number {
  return isAvailable(relativeRmse) && nonFinite === 0 ? relativeRmse : Number.POSITIVE_INFINITY;
}

/** Whether the total error is within a limit. It does not hold where it is not that of all weights. */
export function gateFacts(
  maxRelativeRmse: number,
  { total, notCompared }: DiffedWeights,
  { onlyInA, onlyInB }: Diff['tensors'],
): NonNullable<Diff['gate']> {
  const verdict = (holds: boolean, reason: string) => ({ maxRelativeRmse, holds, reason });
  const { relativeRmse, nonFinite } = total;
  const [stray] = [...notCompared, ...onlyInA, ...onlyInB];
  if (stray !== undefined) {
    const others = notCompared.length + onlyInA.length + onlyInB.length - 1;
    const more = others > 0 ? ` and ${others} more` : '';
    return verdict(false, `${stray.name}${more} could not be compared`);
  }
  if (nonFinite > 0) return verdict(false, `${nonFinite} weights are NaN or infinite`);
  if (!isAvailable(relativeRmse)) return verdict(false, relativeRmse.reason);
  const holds = relativeRmse <= maxRelativeRmse;
  return verdict(holds, `the total relative RMSE is ${Number(relativeRmse.toPrecision(4))}`);
}
