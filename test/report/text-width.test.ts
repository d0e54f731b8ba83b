import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, padLeft, printable, shortenMiddle, wrap } from '../../src/report/text-width.ts';

describe('displayWidth', () => {
  it('counts what a terminal gives a character', () => {
    expect(displayWidth('6.68 ± 0.26')).toBe(11);
    expect(displayWidth('漢字')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('🙂')).toBe(2);
    expect(displayWidth('한글')).toBe(4);
    expect(displayWidth('ﾊﾝｶｸ')).toBe(4);
  });

  it('is what padding is measured in', () => {
    expect(padLeft('漢', 4)).toBe('  漢');
  });
});

describe('printable', () => {
  it('takes escape sequences out whole and folds white space', () => {
    expect(printable('\u001B[31mred\u001B[0m\r\n\tand\u0000 more ')).toBe('red and more');
    expect(printable('\u001B]0;title\u0007text')).toBe('text');
  });

  it('takes out what would reverse the rest of the line', () => {
    expect(printable('a\u202Eb\u200Fc')).toBe('abc');
  });
});

describe('shortenMiddle', () => {
  it('keeps the end, where the quantization stands', () => {
    expect(shortenMiddle('Phi-3-mini-4k-instruct-Q4_K_M', 16)).toBe('Phi-3-…ct-Q4_K_M');
    expect(shortenMiddle('Q8_0', 16)).toBe('Q8_0');
  });

  it('never exceeds the width, whatever the characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        expect(displayWidth(shortenMiddle(printable(text), width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe('wrap', () => {
  it('indents every line but the first', () => {
    expect(wrap('one two three', 8, '  ')).toEqual(['one two', '  three']);
  });

  it('keeps a number with its sign and unit', () => {
    expect(wrap('a loss of 3 % here', 11)).toEqual(['a loss of', '3 % here']);
    expect(wrap('it was 6.68 ± 0.26 then', 12)).toEqual(['it was', '6.68 ± 0.26', 'then']);
    expect(wrap('it takes 7.8 GiB now', 14)).toEqual(['it takes', '7.8 GiB now']);
  });

  it('breaks a word that is longer than a line', () => {
    expect(wrap('abcdefghij', 4, ' ')).toEqual(['abcd', ' efg', ' hij']);
  });

  it('loses nothing and keeps to the width', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        fc.integer({ min: 4, max: 60 }),
        (raw, width) => {
          const text = printable(raw);
          const lines = wrap(text, width, '  ');
          for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
          expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
        },
      ),
    );
  });
});
