import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  containsWords,
  countMatches,
  firstLabelIn,
  normalizeAnswer,
  numbersIn,
} from '../../src/measure/answer-text.ts';
import { isCorrect } from '../../src/measure/judge.ts';

describe('a normalized answer', () => {
  it.each([
    ['  The  Eiffel\tTower. ', 'eiffel tower'],
    ['**Paris**, of course!', 'paris of course'],
    ['A red apple and an orange', 'red apple and orange'],
    ['U.S.A.', 'usa'],
    ["It's Anna’s", 'its annas'],
    ['well-known', 'well known'],
    ['`print(x)`', 'print x'],
    ['ＦＵＬＬ ｗｉｄｔｈ', 'full width'],
    ['ÉCOLE', 'école'],
    ['C++ is not C', 'c++ is not c'],
    ['Pi is 3.14, not 314.', 'pi is 3.14 not 314'],
    ['1,234,567 people', '1234567 people'],
    ['1, 2,3', '1 2 3'],
    ['at 10:30 on 2024-05-01', 'at 10:30 on 2024-05-01'],
    ['-5 or −5, from 3 - 8', '-5 or -5 from 3 8'],
    ['A.', 'a'],
    ['?!', ''],
  ])('of %j is %j', (text, normalized) => {
    expect(normalizeAnswer(text)).toBe(normalized);
  });

  it('is not changed by normalizing again, nor by case and space', () => {
    const words = fc.array(fc.stringMatching(/^[a-z0-9]{1,8}$/), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(words, (list) => {
        const once = normalizeAnswer(list.join(' '));
        expect(normalizeAnswer(once)).toBe(once);
        expect(normalizeAnswer(` ${list.join('\n  ').toUpperCase()}. `)).toBe(once);
      }),
    );
  });

  it('never throws and never begins, ends or doubles with space', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(normalizeAnswer(text)).toMatch(/^(\S+( \S+)*)?$/);
      }),
    );
  });
});

describe('words within words', () => {
  it('are found whole and in a row', () => {
    expect(containsWords('he lives in new york city', 'new york')).toBe(true);
    expect(containsWords('a category of cats', 'cat')).toBe(false);
    expect(containsWords('york is not new', 'new york')).toBe(false);
    expect(containsWords('new york', 'new york')).toBe(true);
  });
});

describe('the numbers of a text', () => {
  it.each([
    ['It is 1,234,567.', ['1234567']],
    ['3.50 kg', ['3.5']],
    ['0042', ['42']],
    ['.5 and 0.5', ['0.5', '0.5']],
    ['-0.0', ['0']],
    ['minus: −12 or -12', ['-12', '-12']],
    ['10-5 = 5', ['10', '5', '5']],
    ['-$20, $30 and 40€', ['-20', '30', '40']],
    ['12km, 2nd, 50%', ['12', '2', '50']],
    ['1,2,3', ['1', '2', '3']],
    ['1,2345', ['1', '2345']],
    ['12\u202f345 and 12 345 and 12’345', ['12345', '12', '345', '12345']],
    ['Q4 of H2O in GPT-4', ['4']],
    ['The answer is 5.', ['5']],
    ['Answer...7', ['7']],
    ['none', []],
    ['123456789012345678901234567890', ['123456789012345678901234567890']],
  ])('%j holds %j', (text, numbers) => {
    expect(numbersIn(text)).toEqual(numbers);
  });

  it('are found again however they are written', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.nat({ max: 99 }), (whole, hundredths) => {
        const decimal = `${whole}.${String(hundredths).padStart(2, '0')}`;
        const grouped = `${whole.toLocaleString('en-US')}.${String(hundredths).padStart(2, '0')}000`;
        expect(numbersIn(`so ${grouped} km`)).toEqual(numbersIn(decimal));
        expect(Number(numbersIn(decimal)[0])).toBe(Number(decimal) + 0);
      }),
    );
  });
});

describe('the first label of a text', () => {
  it.each([
    ['Positive.', 'positive'],
    ['The mood is NEGATIVE, not positive', 'negative'],
    ['unpositive vibes', null],
    ['very positive indeed', 'very positive'],
    ['nothing', null],
  ])('of %j is %j', (text, label) => {
    expect(firstLabelIn(text, ['positive', 'very positive', 'negative'])).toBe(label);
  });

  it('is the longer of two that begin together, and may hold punctuation', () => {
    expect(firstLabelIn('It is New York.', ['New', 'New York'])).toBe('New York');
    expect(firstLabelIn('Written in C++, mostly', ['C', 'C++'])).toBe('C++');
    expect(firstLabelIn('(b) it is', ['(a)', '(b)'])).toBe('(b)');
  });
});

describe('a pattern that a file of tasks brought', () => {
  it('is counted, or found once, with case and Unicode as it says', () => {
    expect(countMatches(/cat/giu, 'Cat, cat, dog')).toBe(2);
    expect(countMatches(/\p{Lu}/u, 'é')).toBe(0);
    expect(countMatches(/(c)(a)t/u, 'cat')).toBeGreaterThan(0);
  });

  it('has a second', () => {
    // A cube of the length: it would end by itself, some seconds later.
    const [slow, text] = ['a*a*a*b', 'a'.repeat(4000)];
    const late = expect.objectContaining({ code: 'tasks/slow-pattern' });
    expect(() => countMatches(new RegExp(slow, 'u'), text)).toThrow(late);
    const item = { task: 'ifeval', prompt: '', answers: [], match: 'ifeval', maxTokens: 1 } as const;
    const instructions = [{ id: 'keywords:existence', args: { keywords: [slow] } }];
    expect(() => isCorrect({ ...item, instructions }, text)).toThrow(late);
  });
});
