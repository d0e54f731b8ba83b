import { isUtf8 as nodeIsUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isUtf8 } from '../../src/gguf/index.ts';

/** Bytes at which the ranges of RFC 3629 begin and end. */
const EDGES = [
  ...[0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec],
  ...[0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff],
];

it('takes the bytes for UTF-8 that Node takes for it, and looks at none beyond the end', () => {
  for (const first of EDGES) {
    for (const second of EDGES) {
      for (const third of EDGES) {
        for (const fourth of [0x41, 0x80, 0xbf, 0xc0]) {
          const bytes = Uint8Array.of(first, second, third, fourth);
          if (isUtf8(bytes, 0, 4) !== nodeIsUtf8(bytes)) expect.unreachable(`${bytes}`);
          if (isUtf8(bytes, 1, 3) !== nodeIsUtf8(bytes.subarray(1, 3))) expect.unreachable(`${bytes}`);
        }
      }
    }
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, cut) => {
      const bytes = Buffer.from(text);
      const end = cut % (bytes.length + 1);
      return isUtf8(bytes, 0, end) === nodeIsUtf8(bytes.subarray(0, end));
    }),
  );
});
