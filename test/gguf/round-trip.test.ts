import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  layoutOf,
  parseHeader,
  type Scalar,
  type ScalarType,
  TENSOR_TYPE_NAMES,
  type WritableModel,
  type WritableValue,
  writeModel,
  writeModelBytes,
} from '../../src/gguf/index.ts';
import { sampleModel } from './sample-model.ts';

const scalars: Record<ScalarType, fc.Arbitrary<Scalar>> = {
  uint8: fc.integer({ min: 0, max: 255 }),
  int8: fc.integer({ min: -128, max: 127 }),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  float32: fc.float(),
  bool: fc.boolean(),
  string: fc.string({ unit: 'binary' }),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.double(),
};
const scalarTypes = Object.keys(scalars) as ScalarType[]; // the keys of a record of ScalarType

const anyValue: fc.Arbitrary<WritableValue> = fc.constantFrom(...scalarTypes).chain((type) =>
  fc.oneof(
    scalars[type].map((value) => ({ type, value })),
    fc
      .array(scalars[type], { maxLength: 40 })
      .map((values) => ({ type: 'array' as const, elementType: type, values })),
  ),
);

const anyKey = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((key) => !key.includes('\0') && key !== 'general.alignment');

const anyModel: fc.Arbitrary<WritableModel> = fc.record({
  version: fc.constantFrom<2 | 3>(2, 3),
  alignment: fc.constantFrom(1, 8, 32, 64, 4096),
  metadata: fc.uniqueArray(fc.tuple(anyKey, anyValue), { selector: ([key]) => key, maxLength: 12 }),
  tensors: fc
    .uniqueArray(
      fc.tuple(
        fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme-ascii' }),
        fc.constantFrom(...TENSOR_TYPE_NAMES),
      ),
      {
        selector: ([name]) => name,
        maxLength: 6,
      },
    )
    .chain((named) =>
      fc.tuple(
        ...named.map(([name, type]) =>
          fc
            .tuple(fc.integer({ min: 1, max: 3 }), fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }))
            .map(([blocks, rows]) => ({
              name,
              type,
              shape: [blocks * layoutOf(type).blockElements, ...rows],
            })),
        ),
      ),
    ),
});

describe('a written model', () => {
  it('reads back as it was, in both versions, with every value type, tensor type and alignment', () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const bytes = writeModelBytes(model);
        const header = parseHeader(bytes);
        expect(header.issues).toEqual([]);
        expect(header.version).toBe(model.version);
        expect(header.alignment).toBe(model.alignment);
        for (const [key, written] of model.metadata) {
          const read = header.metadata.get(key);
          if (written.type === 'array') {
            expect(read?.type).toBe('array');
            if (read?.type !== 'array') continue;
            expect(read.value.elementType).toBe(written.elementType);
            expect(read.value.toArray()).toEqual([...written.values]);
            expect([...read.value]).toEqual([...written.values]);
          } else {
            expect(read).toEqual(written);
          }
        }
        expect(header.tensors.map(({ name, type, shape }) => ({ name, type, shape }))).toEqual(model.tensors);
        expect(header.sections.data.end).toBe(bytes.length);
      }),
      { numRuns: 300 },
    );
  });

  it('holds each tensor’s data where its offset says', () => {
    const data = Uint8Array.from({ length: 28 }, (_, index) => index + 1);
    const model = sampleModel();
    const tensors = model.tensors.map((tensor) =>
      tensor.name === 'blk.0.attn_norm.weight' ? { ...tensor, data } : tensor,
    );
    const bytes = writeModelBytes({ ...model, tensors });
    const header = parseHeader(bytes);
    const tensor = header.tensors.find(({ name }) => name === 'blk.0.attn_norm.weight');
    const start = header.dataOffset + (tensor?.offset ?? 0);
    expect(bytes.subarray(start, start + 28)).toEqual(data);
  });

  it('is produced piece by piece, so that it may be larger than memory', () => {
    const tensors = [{ name: 'large', type: 'F32' as const, shape: [1024, 1024, 4] }];
    const sizes = [...writeModel({ metadata: [], tensors })].map((piece) => piece.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 ** 20);
    expect(sizes.reduce((a, b) => a + b)).toBeGreaterThan(2 ** 24);
  });

  it('is refused where a tensor’s data do not fill its shape', () => {
    const tensors = [{ name: 't', type: 'F32' as const, shape: [4], data: new Uint8Array(15) }];
    expect(() => writeModelBytes({ metadata: [], tensors })).toThrow(
      'tensor "t": 15 bytes of data, its shape takes 16',
    );
  });
});
