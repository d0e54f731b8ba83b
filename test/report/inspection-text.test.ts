import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  brief,
  harmlessJson,
  harmlessJsonLines,
  quoted,
  visible,
  visibleLines,
} from '../../src/report/inspection-text.ts';

/** What a terminal would act on instead of showing it. */
const ACTED_ON = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

describe('visible', () => {
  it('writes what is hidden as escapes instead of leaving it out', () => {
    expect(visible('\u001B[31mred\u0007')).toBe('\\x1b[31mred\\x07');
    expect(visible('user\u202Efdp.exe')).toBe('user\\u202efdp.exe');
    expect(visible('a\u200Bb\u{E0041}')).toBe('a\\u200bb\\u{e0041}');
    expect(visible('one\r\n\ttwo')).toBe('one\\r\\n\\ttwo');
  });

  it('leaves what can be seen as it is', () => {
    expect(visible('Ünïcode 漢字 🙂 ± C:\\models')).toBe('Ünïcode 漢字 🙂 ± C:\\models');
  });

  it('leaves nothing that a terminal acts on, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text)).not.toMatch(ACTED_ON);
        expect(quoted(text)).not.toMatch(ACTED_ON);
        expect(visibleLines(text).replaceAll(/[\n\t]/g, '')).not.toMatch(ACTED_ON);
      }),
    );
  });
});

describe('quoted', () => {
  it('gives different texts different forms', () => {
    expect(quoted('\n')).toBe('"\\n"');
    expect(quoted('\\n')).toBe('"\\\\n"');
    expect(quoted('say "yes"')).toBe('"say \\"yes\\""');
  });
});

describe('brief', () => {
  it('cuts a value of a megabyte', () => {
    expect(brief('a'.repeat(1_000_000))).toHaveLength(201);
  });
});

describe('harmlessJson', () => {
  it('reads back as the same value, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = harmlessJson({ [text]: [text] });
        expect(JSON.parse(json)).toEqual({ [text]: [text] });
        expect(json.replaceAll('\n', '')).not.toMatch(ACTED_ON);
      }),
    );
  });
});

describe('harmlessJsonLines', () => {
  it('are the lines of the same JSON, whatever is in a long list', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const document = {
          a: value,
          [text]: text,
          none: undefined,
          in: { long: Array(300).fill([value, {}]) },
        };
        expect([...harmlessJsonLines(document)].join('\n')).toBe(harmlessJson(document));
      }),
    );
  });
});
