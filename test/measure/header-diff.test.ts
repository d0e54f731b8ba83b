import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseHeader,
  type WritableModel,
  type WritableValue,
  writeModelBytes,
} from '../../src/gguf/index.ts';
import { diffMetadata, diffTensors } from '../../src/measure/header-diff.ts';

type Keys = WritableModel['metadata'];
type Tensors = WritableModel['tensors'];

function headerOf(metadata: Keys, tensors: Tensors = []) {
  return parseHeader(writeModelBytes({ metadata, tensors }));
}

const text = (value: string): WritableValue => ({ type: 'string', value });
const strings = (...values: string[]): WritableValue => ({ type: 'array', elementType: 'string', values });
const tensor = (name: string, shape: readonly number[], type: 'F32' | 'F16' = 'F32') => {
  const weights = shape.reduce((product, length) => product * length, 1);
  return { name, type, shape, data: new Uint8Array(weights * (type === 'F32' ? 4 : 2)) };
};

describe('the difference of metadata', () => {
  it('has what was added, removed and changed, in the files’ order', () => {
    const a = headerOf([
      ['same', text('x')],
      ['gone', text('x')],
      ['other', text('x')],
    ]);
    const b = headerOf([
      ['new', text('y')],
      ['other', text('y')],
      ['same', text('x')],
    ]);
    const { added, removed, changed, equal } = diffMetadata(a, b);
    expect(added).toEqual([{ key: 'new', value: { type: 'string', value: 'y' } }]);
    expect(removed.map(({ key }) => key)).toEqual(['gone']);
    expect(changed.map(({ key }) => key)).toEqual(['other']);
    expect(equal).toBe(1);
  });

  it('takes a number of another type as a change, and a NaN as itself', () => {
    const a = headerOf([
      ['count', { type: 'uint32', value: 1 }],
      ['nan', { type: 'float32', value: Number.NaN }],
    ]);
    const b = headerOf([
      ['count', { type: 'uint64', value: 1n }],
      ['nan', { type: 'float32', value: Number.NaN }],
    ]);
    expect(diffMetadata(a, b)).toMatchObject({ changed: [{ key: 'count', elements: undefined }], equal: 1 });
  });

  it('counts the elements of arrays that differ and says where they begin', () => {
    const a = headerOf([['tokens', strings('a', 'b', 'c', 'd')]]);
    const b = headerOf([['tokens', strings('a', 'x', 'c', 'dd', 'e', 'f')]]);
    expect(diffMetadata(a, b).changed[0]?.elements).toEqual({ differing: 4, first: 1 });
    const longer = headerOf([['tokens', strings('a', 'b', 'c', 'd', 'e')]]);
    expect(diffMetadata(a, longer).changed[0]?.elements).toEqual({ differing: 1, first: 4 });
  });

  it('does not compare the elements of arrays of two types', () => {
    const a = headerOf([['list', { type: 'array', elementType: 'int32', values: [1] }]]);
    const b = headerOf([['list', { type: 'array', elementType: 'uint32', values: [1] }]]);
    expect(diffMetadata(a, b).changed).toMatchObject([{ key: 'list', elements: undefined }]);
  });

  it('counts as a comparison one by one does', () => {
    const words = fc.array(fc.constantFrom('', 'a', 'b', 'ab'), { maxLength: 8 });
    fc.assert(
      fc.property(words, words, (one, other) => {
        const header = (values: readonly string[]) => headerOf([['list', strings(...values)]]);
        const { changed } = diffMetadata(header(one), header(other));
        const places = Array.from({ length: Math.max(one.length, other.length) }, (_, index) => index);
        const differing = places.filter((index) => one[index] !== other[index]);
        const expected = { differing: differing.length, first: differing[0] };
        expect(changed[0]?.elements).toEqual(differing.length === 0 ? undefined : expected);
      }),
    );
  });
});

describe('the difference of tensors', () => {
  it('pairs by name, whatever the order, and tells shapes and types apart', () => {
    const a = headerOf(
      [],
      [
        tensor('blk.0.ffn_down.weight', [4, 2]),
        tensor('blk.1.ffn_down.weight', [4, 2]),
        tensor('output.weight', [4, 2]),
        tensor('gone', [1]),
      ],
    );
    const b = headerOf(
      [],
      [
        tensor('output.weight', [2, 4]),
        tensor('blk.1.ffn_down.weight', [4, 2], 'F16'),
        tensor('new', [1]),
        tensor('blk.0.ffn_down.weight', [4, 2], 'F16'),
      ],
    );
    const { onlyInA, onlyInB, pairs, reshaped, typeChanges } = diffTensors(a, b);
    expect(onlyInA.map(({ name }) => name)).toEqual(['gone']);
    expect(onlyInB.map(({ name }) => name)).toEqual(['new']);
    expect(pairs.map(({ name }) => name)).toEqual(['blk.0.ffn_down.weight', 'blk.1.ffn_down.weight']);
    expect(reshaped.map(({ name }) => name)).toEqual(['output.weight']);
    expect(typeChanges).toEqual([{ role: 'ffn_down', from: 'F32', to: 'F16', tensors: 2 }]);
  });

  it('takes dimensions of 1 at the end for nothing', () => {
    const [a, b] = [headerOf([], [tensor('x', [4])]), headerOf([], [tensor('x', [4, 1, 1])])];
    expect(diffTensors(a, b)).toMatchObject({ pairs: [{ name: 'x' }], reshaped: [] });
  });
});
