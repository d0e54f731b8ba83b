import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gate } from '../../src/measure/gate.ts';
import { requireMeaningful } from '../../src/measure/gate-contradiction.ts';
import { parseGate } from '../../src/measure/gate-expression.ts';

const gate = (text: string, severity: Gate['severity'] = 'error'): Gate => {
  return { kind: 'condition', name: text, severity, text, expression: parseGate(text) };
};
const judge = (...texts: string[]) => requireMeaningful(texts.map((text) => gate(text)));

describe('gates that mean something', () => {
  it.each([
    [['Q2_K.file.bytes > 1MB and Q2_K.file.bytes < 2MB']],
    // One variant may be above, another below.
    [['any.file.bytes > 2MB and any.file.bytes < 1MB']],
    [['Q2_K.file.bytes > 2MB and Q8_0.file.bytes < 1MB']],
    [['Q2_K.file.bytes > 2MB or Q2_K.file.bytes < 1MB']],
    [['any.file.bytes > 2MB', 'any.file.bytes < 1MB']],
    // They fail only where all variants are on one side.
    [['all.file.bytes > 1MB', 'all.file.bytes <= 1MB']],
    [['any.tasks.accuracy < 80%', 'any.tasks.flips.share > 0.05', 'any.tasks.accuracy < 1']],
    [['Q2_K.weights.relativeRmse > 150%']],
  ])('%j pass', (texts) => {
    expect(() => judge(...texts)).not.toThrow();
  });

  it.each([
    [
      ['Q2_K.file.bytes > 2MB and Q2_K.file.bytes < 1MB'],
      /can never hold: no Q2_K\.file\.bytes is all of that/,
    ],
    [['all.file.bytes == 1 and all.file.bytes != 1'], /can never hold/],
    [
      ['(Q2_K.file.bytes > 2 and Q2_K.file.bytes < 2) or (F16.file.bytes > 3 and F16.file.bytes < 3)'],
      /can never hold/,
    ],
    [
      ['any.file.bytes > 1MB', 'any.file.bytes <= 2MB'],
      /gates .* cannot both pass: whatever any\.file\.bytes is/,
    ],
    [['Q2_K.tasks.accuracy < 80%', 'Q2_K.tasks.accuracy >= 0.8'], /cannot both pass/],
    [['any.tasks.flips.share > 5'], /a share is from 0 to 1, and the limit is 5$/],
  ])('%j are refused', (texts, message) => {
    expect(() => judge(...texts)).toThrow(message);
  });

  it('may warn on one side and fail on the other', () => {
    const gates = [gate('any.file.bytes > 1MB'), gate('any.file.bytes <= 2MB', 'warning')];
    expect(() => requireMeaningful(gates)).not.toThrow();
  });

  it('are told from contradictions as trying every value tells', () => {
    const operator = fc.constantFrom('<', '<=', '>', '>=', '==', '!=');
    const limit = fc.integer({ min: 1, max: 5 });
    const holds = { '<': (a: number, b: number) => a < b, '<=': (a: number, b: number) => a <= b };
    const meets = (value: number, sign: string, bound: number): boolean =>
      sign === '<' || sign === '<='
        ? holds[sign](value, bound)
        : sign === '>' || sign === '>='
          ? !meets(value, sign === '>' ? '<=' : '<', bound)
          : (value === bound) === (sign === '==');
    const values = Array.from({ length: 25 }, (_, index) => index / 4);
    fc.assert(
      fc.property(operator, limit, operator, limit, (signA, a, signB, b) => {
        const text = `Q.perplexity.value ${signA} ${a} and Q.perplexity.value ${signB} ${b}`;
        const isPossible = values.some((value) => meets(value, signA, a) && meets(value, signB, b));
        if (isPossible) expect(() => judge(text)).not.toThrow();
        else expect(() => judge(text)).toThrow(/can never hold/);
      }),
    );
  });
});
