import { placeOfTensor, type TensorInfo, type TensorType } from '../gguf/index.ts';
import { isCovered } from './architecture-checks.ts';
import { dimensionsOf } from './architecture-dimensions.ts';
import {
  type ExpectedTensor,
  expectedTensors,
  TIED_ARCHITECTURES,
  unshapedTensors,
} from './architecture-layouts.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { quoted } from './finding.ts';
import type { Checks } from './rule.ts';

/** Types that ggml can store and not multiply with: a model with such weights is not run. */
const NO_WEIGHTS: ReadonlySet<TensorType> = new Set(['I8', 'I16', 'I32', 'I64', 'F64', 'Q8_1', 'Q8_K']);
/** Types of the second operand that ggml’s element-wise operations take (norms, biases). */
const ELEMENT_WISE: ReadonlySet<TensorType> = new Set(['F32', 'F16', 'BF16']);

/** The group architecture, second part: the set of tensors that an architecture has, and their shapes and types. */
export const ARCHITECTURE_TENSOR_RULES: Checks = {
  *'architecture/tensor-missing'(file) {
    const { expected, present } = comparison(file) ?? {};
    if (expected === undefined || present === undefined) return;
    for (const { name, required } of expected) {
      if (required && !present.has(name)) yield { message: `tensor ${quoted(name)} is absent`, tensor: name };
    }
  },
  *'architecture/tensor-unknown'(file) {
    const { expected, architecture } = comparison(file) ?? {};
    if (expected === undefined || architecture === undefined) return;
    const known = new Set(expected.map(({ name }) => name));
    const unshaped = unshapedTensors(architecture);
    for (const { name } of file.tensors) {
      if (known.has(name) || unshaped.includes(name) || isScaleOf(name, known)) continue;
      if (isTiedOutput(architecture, name)) continue;
      yield { message: `tensor ${quoted(name)} does not belong to ${architecture}`, tensor: name };
    }
  },
  *'architecture/tied-output'(file) {
    const { architecture } = file;
    if (!isCovered(file) || architecture === undefined) return;
    if (!file.tensors.some(({ name }) => isTiedOutput(architecture, name))) return;
    yield { message: `${architecture} has no output.weight of its own`, tensor: 'output.weight' };
  },
  *'architecture/tensor-shape'(file) {
    const { expected, present } = comparison(file) ?? {};
    if (expected === undefined || present === undefined) return;
    for (const { name, shape } of expected) {
      const tensor = present.get(name);
      if (tensor === undefined || isSameShape(tensor.shape, shape)) continue;
      const message = `tensor ${quoted(name)}: shape [${tensor.shape.join(', ')}], expected [${shape.join(', ')}]`;
      yield { message, tensor: name };
    }
  },
  *'architecture/tensor-type'(file) {
    if (!isCovered(file)) return;
    for (const { name, type, shape } of file.tensors) {
      const isVector = shape.slice(1).every((length) => length === 1);
      if (isVector ? ELEMENT_WISE.has(type) : !NO_WEIGHTS.has(type)) continue;
      const expected = isVector ? 'F32, F16 or BF16' : 'a type of weights';
      yield { message: `tensor ${quoted(name)}: type ${type}, expected ${expected}`, tensor: name };
    }
  },
};

interface Comparison {
  readonly architecture: string;
  readonly expected: readonly ExpectedTensor[];
  readonly present: ReadonlyMap<string, TensorInfo>;
}

/** Both sides of the comparison, or undefined where one of them is not known well enough. */
function comparison(file: FileUnderTest): Comparison | undefined {
  const { architecture } = file;
  if (!isCovered(file) || architecture === undefined || !file.tensorsAreComplete) return undefined;
  const dimensions = dimensionsOf(file);
  if (dimensions === undefined) return undefined;
  const present = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const expected = expectedTensors(architecture, dimensions, (name) => present.has(name));
  return expected === undefined ? undefined : { architecture, expected, present };
}

function isTiedOutput(architecture: string, name: string): boolean {
  return TIED_ARCHITECTURES.includes(architecture) && name === 'output.weight';
}

/** Scales of a whole tensor (NVFP4 and its kin) stand beside any projection (src/llama-model.cpp:1573-1690). */
function isScaleOf(name: string, known: ReadonlySet<string>): boolean {
  const base = name.replace(/\.(?:input_)?scale$/, '');
  return base !== name && placeOfTensor(name).layer !== undefined && known.has(`${base}.weight`);
}

/** ggml fills the dimensions behind the last with 1. */
function isSameShape(actual: readonly number[], expected: readonly number[]): boolean {
  const rank = Math.max(actual.length, expected.length);
  return Array.from({ length: rank }, (_, index) => (actual[index] ?? 1) === (expected[index] ?? 1)).every(
    Boolean,
  );
}
