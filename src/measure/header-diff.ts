import {
  type ArrayView,
  type GgufHeader,
  type MetadataValue,
  placeOfTensor,
  type TensorInfo,
} from '../gguf/index.ts';

/** A key of the metadata with its value. */
export interface KeyAndValue {
  readonly key: string;
  readonly value: MetadataValue;
}

/** A key whose value is another one, or of another type. */
export interface ChangedKey {
  readonly key: string;
  readonly from: MetadataValue;
  readonly to: MetadataValue;
  /** Where both are arrays of one type: what of them differs. */
  readonly elements: ElementDifference | undefined;
}

export interface ElementDifference {
  /** Elements that are not equal, those that one array has more than the other included. */
  readonly differing: number;
  /** Index of the first of them. */
  readonly first: number;
}

export interface MetadataDiff {
  /** Keys that only b has, in its order. */
  readonly added: readonly KeyAndValue[];
  /** Keys that only a has, in its order. */
  readonly removed: readonly KeyAndValue[];
  /** In the order of a. */
  readonly changed: readonly ChangedKey[];
  readonly equal: number;
}

/** A tensor that both files have. */
export interface TensorPair<Tensor extends TensorInfo = TensorInfo> {
  readonly name: string;
  readonly a: Tensor;
  readonly b: Tensor;
}

/** How many tensors of a role went from one type to another. */
export interface TypeChange {
  readonly role: string;
  readonly from: string;
  readonly to: string;
  readonly tensors: number;
}

export interface TensorDiff<Tensor extends TensorInfo = TensorInfo> {
  readonly onlyInA: readonly Tensor[];
  readonly onlyInB: readonly Tensor[];
  /** In both, with the same shape: their weights can be compared. In the order of a. */
  readonly pairs: readonly TensorPair<Tensor>[];
  /** In both, with another shape. */
  readonly reshaped: readonly TensorPair<Tensor>[];
  /** By role, in the order of a. */
  readonly typeChanges: readonly TypeChange[];
}

/** What differs between the metadata of two files: arrays by their content, numbers by type and value. */
export function diffMetadata(a: Pick<GgufHeader, 'metadata'>, b: Pick<GgufHeader, 'metadata'>): MetadataDiff {
  const added = [...b.metadata]
    .filter(([key]) => !a.metadata.has(key))
    .map(([key, value]) => ({ key, value }));
  const removed: KeyAndValue[] = [];
  const changed: ChangedKey[] = [];
  let equal = 0;
  for (const [key, from] of a.metadata) {
    const to = b.metadata.get(key);
    if (to === undefined) removed.push({ key, value: from });
    else if (isEqual(from, to)) equal++;
    else changed.push({ key, from, to, elements: elementDifference(from, to) });
  }
  return { added, removed, changed, equal };
}

/** What differs between the tensors of two files, as far as their headers say. */
export function diffTensors<Tensor extends TensorInfo>(
  a: { readonly tensors: readonly Tensor[] },
  b: { readonly tensors: readonly Tensor[] },
): TensorDiff<Tensor> {
  const [inA, inB] = [byName(a.tensors), byName(b.tensors)];
  const pairs: TensorPair<Tensor>[] = [];
  const reshaped: TensorPair<Tensor>[] = [];
  for (const [name, tensor] of inA) {
    const other = inB.get(name);
    if (other === undefined) continue;
    const pair = { name, a: tensor, b: other };
    if (hasSameShape(tensor, other)) pairs.push(pair);
    else reshaped.push(pair);
  }
  return {
    onlyInA: a.tensors.filter(({ name }) => !inB.has(name)),
    onlyInB: b.tensors.filter(({ name }) => !inA.has(name)),
    pairs,
    reshaped,
    typeChanges: typeChanges([...pairs, ...reshaped]),
  };
}

function byName<Tensor extends TensorInfo>(tensors: readonly Tensor[]): Map<string, Tensor> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

/** Dimensions of 1 at the end say nothing: writers leave them out or not. */
function hasSameShape(one: TensorInfo, other: TensorInfo): boolean {
  const longer = Math.max(one.shape.length, other.shape.length);
  for (let index = 0; index < longer; index++) {
    if ((one.shape[index] ?? 1) !== (other.shape[index] ?? 1)) return false;
  }
  return true;
}

function typeChanges(pairs: readonly TensorPair[]): TypeChange[] {
  const changes = new Map<string, { role: string; from: string; to: string; tensors: number }>();
  for (const { name, a, b } of pairs) {
    if (a.type === b.type) continue;
    const { role } = placeOfTensor(name);
    const key = JSON.stringify([role, a.type, b.type]);
    const change = changes.get(key);
    if (change === undefined) changes.set(key, { role, from: a.type, to: b.type, tensors: 1 });
    else change.tensors++;
  }
  return [...changes.values()];
}

function isEqual(one: MetadataValue, other: MetadataValue): boolean {
  if (one.type !== 'array' || other.type !== 'array') {
    // Object.is, so that a NaN equals itself.
    return one.type === other.type && Object.is(one.value, other.value);
  }
  const [left, right] = [one.value, other.value];
  if (left.elementType !== right.elementType || left.length !== right.length) return false;
  for (const [mine, theirs] of pairedPieces(left, right)) if (!areSameBytes(mine, theirs)) return false;
  return true;
}

function elementDifference(one: MetadataValue, other: MetadataValue): ElementDifference | undefined {
  if (one.type !== 'array' || other.type !== 'array') return undefined;
  const [left, right] = [one.value, other.value];
  if (left.elementType !== right.elementType) return undefined;
  const [shorter, longer] = [Math.min(left.length, right.length), Math.max(left.length, right.length)];
  const { count, first } =
    left.elementType === 'string' ? differingTexts(left, right, shorter) : differingNumbers(left, right);
  return { differing: longer - shorter + count, first: count === 0 ? shorter : first };
}

interface Differing {
  readonly count: number;
  readonly first: number;
}

function differingTexts(left: ArrayView, right: ArrayView, length: number): Differing {
  let [count, first] = [0, -1];
  for (let index = 0; index < length; index++) {
    if (areSameBytes(left.bytesAt(index), right.bytesAt(index))) continue;
    if (count++ === 0) first = index;
  }
  return { count, first };
}

/** By bytes, since an array may have a hundred million elements. */
function differingNumbers(left: ArrayView, right: ArrayView): Differing {
  const elementBytes = left.length === 0 ? 1 : left.bytesAt(0).length;
  let [count, first, before] = [0, -1, 0];
  for (const [mine, theirs] of pairedPieces(left, right)) {
    const end = Math.min(mine.length, theirs.length);
    let last = -1;
    for (let at = 0; at < end; at++) {
      if (mine[at] === theirs[at]) continue;
      const index = (before + at - (at % elementBytes)) / elementBytes;
      if (index === last) continue;
      last = index;
      if (count++ === 0) first = index;
    }
    before += end;
  }
  return { count, first };
}

/** Pieces of two arrays of one type beside each other, as far as both reach. */
function* pairedPieces(left: ArrayView, right: ArrayView): Generator<readonly [Uint8Array, Uint8Array]> {
  const others = right.pieces()[Symbol.iterator]();
  for (const mine of left.pieces()) {
    const { value, done } = others.next();
    if (done === true) return;
    yield [mine, value];
  }
}

function areSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
