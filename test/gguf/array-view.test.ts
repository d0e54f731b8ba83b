import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ArrayView,
  getArray,
  parseHeader,
  type Scalar,
  type ScalarType,
  writeHeader,
} from '../../src/gguf/index.ts';

function viewOf(elementType: ScalarType, values: readonly Scalar[]): ArrayView {
  const header = parseHeader(
    writeHeader({ metadata: [['a', { type: 'array', elementType, values }]], tensors: [] }),
  );
  const view = getArray(header, 'a');
  if (view === undefined) throw new Error('no array');
  return view;
}

/** A view of strings whose bytes are given, valid UTF-8 or not. */
function viewOfBytes(elements: readonly Uint8Array[]): ArrayView {
  const bytes = writeHeader({
    metadata: [
      [
        'a',
        {
          type: 'array',
          elementType: 'string',
          values: elements.map((element) => 'x'.repeat(element.length)),
        },
      ],
    ],
    tensors: [],
  });
  const length = elements.reduce((sum, element) => sum + 8 + element.length, 0);
  let position = bytes.length - length;
  for (const element of elements) {
    bytes.set(element, position + 8);
    position += 8 + element.length;
  }
  const view = getArray(parseHeader(bytes), 'a');
  if (view === undefined) throw new Error('no array');
  return view;
}

describe('a view of an array', () => {
  it('decodes one string, a slice or all of them alike', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }), { maxLength: 60 }),
        fc.nat(70),
        fc.nat(70),
        (values, start, end) => {
          const view = viewOf('string', values);
          expect(view.length).toBe(values.length);
          expect(view.toArray()).toEqual(values);
          expect(view.slice(start, end)).toEqual(values.slice(start, end));
          values.forEach((value, index) => {
            expect(view.at(index)).toBe(value);
            expect(Buffer.from(view.bytesAt(index)).toString()).toBe(value);
          });
        },
      ),
    );
  });

  it('puts U+FFFD where TextDecoder puts it, and never takes bytes of the next string', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc
        .constantFrom(
          [0xc3],
          [0xe2, 0x96],
          [0xf0, 0x9f, 0x98],
          [0xed, 0xa0, 0x80],
          [0xc0, 0xaf],
          [0xf5, 0x80, 0x80, 0x80],
          [0xef, 0xbb, 0xbf],
        )
        .map((bytes) => Uint8Array.from(bytes)),
      fc.string({ maxLength: 4, unit: 'binary' }).map((value) => new TextEncoder().encode(value)),
    );
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (elements) => {
        const expected = elements.map((element) => decoder.decode(element));
        const view = viewOfBytes(elements);
        expect(view.toArray()).toEqual(expected);
        expect(elements.map((_, index) => view.at(index))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('decodes vocabularies larger than a decoding piece, and strings larger than one', () => {
    const values = Array.from({ length: 90_000 }, (_, index) => `▁token${index}`);
    values[45_000] = '日'.repeat(300_000);
    const view = viewOf('string', values);
    expect(view.toArray()).toEqual(values);
    expect(view.slice(44_990, 45_010)).toEqual(values.slice(44_990, 45_010));
    expect(view.at(89_999)).toBe('▁token89999');
    let count = 0;
    for (const value of view) {
      expect(value).toBe(values[count]);
      if (++count === 2000) break;
    }
  });

  it('hands out the bytes of its elements without copying them', () => {
    const numbers = viewOf('uint16', [1, 258, 3]);
    expect([...numbers.encoded]).toEqual([1, 0, 2, 1, 3, 0]);
    expect([...numbers.bytesAt(1)]).toEqual([2, 1]);
    expect(numbers.bytesAt(1).buffer).toBe(numbers.encoded.buffer);
  });

  it.each([-1, 3, 0.5, Number.NaN])('refuses the index %d of three elements', (index) => {
    for (const view of [viewOf('uint8', [1, 2, 3]), viewOf('string', ['a', 'b', 'c'])]) {
      expect(() => view.at(index)).toThrow(RangeError);
      expect(() => view.bytesAt(index)).toThrow(`index ${index} is outside an array of 3 elements`);
    }
  });
});
