import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  comparisonsOf,
  type GateComparison,
  type GateExpression,
  nameOfSubject,
  OPERATORS,
  parseGate,
} from '../../src/measure/gate-expression.ts';
import { nearestFigures, unitAt } from '../../src/measure/gate-figures.ts';
import { formatBeside, formatLimit } from '../../src/measure/gate-units.ts';
import { UsageError } from '../../src/util/errors.ts';

function comparison(text: string): GateComparison {
  const [first, ...others] = comparisonsOf(parseGate(text));
  if (first === undefined || others.length > 0) throw new Error(`not one comparison: ${text}`);
  return first;
}

/** The one clear error that a text is refused with. */
function refusal(text: string): UsageError {
  try {
    parseGate(text);
  } catch (thrown) {
    if (thrown instanceof UsageError) return thrown;
    throw thrown;
  }
  throw new Error(`accepted: ${text}`);
}

describe('a gate', () => {
  it.each([
    ['Q4_K_M.divergence.meanKld > 0.05', 'Q4_K_M', 'divergence.meanKld', '>', 0.05],
    ['any.tasks.accuracy < 80%', 'any', 'tasks.accuracy', '<', 0.8],
    ['all.tasks.byTask.math.accuracy<=80 %', 'all', 'tasks.byTask.math.accuracy', '<=', 0.8],
    ['recommended.speed.generation.meanTps < 10', 'recommended', 'speed.generation.meanTps', '<', 10],
    ['reference.perplexity.value >= 7.5e0', 'reference', 'perplexity.value', '>=', 7.5],
    ['Q2_K.file.bytes > 1.5GB', 'Q2_K', 'file.bytes', '>', 1.5e9],
    ['Q2_K.memory.peakRssBytes > 2 GiB', 'Q2_K', 'memory.peakRssBytes', '>', 2 ** 31],
    ['any.load.warmMs > 1.5s', 'any', 'load.warmMs', '>', 1500],
    ['machine.copyBandwidthBytesPerSecond < 20GB', 'machine', 'copyBandwidthBytesPerSecond', '<', 20e9],
    ['machine.copyBandwidthBytesPerSecond < 20 gb/s', 'machine', 'copyBandwidthBytesPerSecond', '<', 20e9],
    ['"phi-3.1 mini".divergence.minDeltaP < -0.5', '"phi-3.1 mini"', 'divergence.minDeltaP', '<', -0.5],
    [`'any'.tasks.correct == 12`, '"any"', 'tasks.correct', '==', 12],
    ['any.choices.accuracy != .5', 'any', 'choices.accuracy', '!=', 0.5],
  ])('%s', (text, subject, path, operator, limit) => {
    const parsed = comparison(text);
    expect(nameOfSubject(parsed.subject)).toBe(subject);
    expect(parsed).toMatchObject({ path: path.split('.'), operator, ifAvailable: false });
    expect(parsed.limit.value).toBe(limit);
  });

  it('binds and before or, parentheses before both', () => {
    const [a, b, c] = ['a.file.bytes > 1', 'b.file.bytes > 2 if available', 'c.file.bytes > 3'].map((text) =>
      parseGate(text),
    );
    expect(parseGate('a.file.bytes > 1 OR b.file.bytes > 2 if available and c.file.bytes > 3')).toEqual({
      kind: 'or',
      terms: [a, { kind: 'and', terms: [b, c] }],
    });
    expect(parseGate('(a.file.bytes > 1 or b.file.bytes > 2 if available) and c.file.bytes > 3')).toEqual({
      kind: 'and',
      terms: [{ kind: 'or', terms: [a, b] }, c],
    });
    expect(comparison('b.file.bytes > 2 if available').ifAvailable).toBe(true);
  });

  it('may be denied, and of a variant that is called so is not', () => {
    const term = parseGate('a.file.bytes > 1');
    expect(parseGate('not a.file.bytes > 1')).toEqual({ kind: 'not', term });
    expect(parseGate('NOT not (a.file.bytes > 1)')).toEqual({ kind: 'not', term: { kind: 'not', term } });
    expect(comparison('not.file.bytes > 1').subject).toEqual({ kind: 'variant', name: 'not' });
    expect(refusal(`${'not '.repeat(40)}a.file.bytes > 1`).message).toMatch(/more than 32/);
  });

  it('may have a share of the reference as its limit', () => {
    const parsed = comparison('any.speed.generation.meanTps < 105% of reference');
    expect(parsed).toMatchObject({ ofReference: true, unit: 'tokens/s', limit: { value: 1.05 } });
    expect(comparison('any.file.bytes > 0.5 of reference if available')).toMatchObject({
      ofReference: true,
      ifAvailable: true,
    });
    expect(refusal('any.file.bytes > 5MB of reference').code).toBe('gate/unit');
    expect(refusal('any.file.bytes > 5% of baseline').message).toMatch(/expected reference/);
    expect(refusal('machine.cores > 5% of reference').message).toMatch(/no reference/);
  });

  it('is about the rows that a command has', () => {
    expect(refusal('any.speed.meanTps < 5').code).toBe('gate/figure');
    expect(parseGate('any.speed.meanTps < 5', '', ['bench'])).toMatchObject({ unit: 'tokens/s' });
    expect(parseGate('"iphone-13-pro Q4_K_M".memory.headroomBytes < 1GB', '', ['phone'])).toMatchObject({
      unit: 'bytes',
    });
    expect(parseGate('any.cache.perplexityIncrease > 1%', '', ['context'])).toMatchObject({
      path: ['cache', 'perplexityIncrease'],
    });
  });

  it.each([
    ['', 'gate/syntax', /the gate is empty/, /A gate is/],
    ['Q4_K_M', 'gate/syntax', /column 7: expected "\." and a figure.*got the end/, /./],
    ['Q4.divergence.meanKld', 'gate/syntax', /expected one of <= >= == != < >, got the end/, /./],
    ['Q4.divergence.meanKld = 1', 'gate/syntax', /column 23: expected one of/, /Write ==/],
    ['Q4.divergence.meanKld ≥ 1', 'gate/syntax', /expected one of/, /Write >=/],
    ['Q4.divergence.meanKld above 1', 'gate/syntax', /expected one of/, /Write >\./],
    ['Q4.divergence.meanKld > high', 'gate/syntax', /expected a number, got "high"/, /./],
    ['Q4.divergence.meanKld > 1e999', 'gate/syntax', /1e999 is too large/, /./],
    ['Q4.divergence.meanKld > 1 && a.file.bytes > 2', 'gate/syntax', /expected and, or/, /./],
    ['Q4.divergence.meanKld > 1 if', 'gate/syntax', /expected available, got the end/, /./],
    ['(Q4.divergence.meanKld > 1', 'gate/syntax', /expected \), got the end/, /./],
    ['"Q4.divergence.meanKld > 1', 'gate/syntax', /column 1: expected a variant/, /./],
    ['Q4.divergence.mean > 1', 'gate/figure', /no figure divergence\.mean$/, /Q4\.divergence\.meanKld/],
    ['Q4.tasks.acuracy > 1', 'gate/figure', /no figure tasks\.acuracy$/, /Q4\.tasks\.accuracy/],
    [
      'any.speed.generation < 1',
      'gate/figure',
      /no figure speed\.generation$/,
      /any\.speed\.generation\.meanTps/,
    ],
    ['any.speed.generation.samplesNs < 1', 'gate/figure', /no figure/, /./],
    ['machine.divergence.meanKld > 1', 'gate/figure', /no figure divergence/, /machine\./],
    ['any.constructor.name > 1', 'gate/figure', /no figure constructor/, /./],
    ['any.file.bytes > 80%', 'gate/unit', /file\.bytes is in bytes, and the limit is in %/, /GiB/],
    ['any.speed.generation.meanTps < 10%', 'gate/unit', /in tokens\/s/, /./],
    ['any.tasks.correct < 10 GB', 'gate/unit', /tasks\.correct is a plain number/, /without a unit/],
    ['any.divergence.meanKld > 5%', 'gate/unit', /divergence\.meanKld is a plain number/, /without/],
  ])('refuses %j and says how it is meant', (text, code, message, hint) => {
    const error = refusal(text);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it('of any text is an expression or one clear error', () => {
    const piece = fc.constantFrom(
      ...[
        'any',
        'Q4',
        '.',
        'tasks',
        'accuracy',
        '<',
        '>=',
        '80',
        '%',
        'GB',
        '(',
        ')',
        'and',
        'or',
        'if',
        '"',
        '-',
      ],
      ...['available', ' ', 'file', 'bytes', '\n', '=', '🙂', '\\', '\u0000', '1e5', 'machine'],
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(text, (each) => {
        try {
          expect(comparisonsOf(parseGate(each)).length).toBeGreaterThan(0);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(UsageError);
        }
      }),
      { numRuns: 200 },
    );
    expect(refusal('('.repeat(100_000)).message).toMatch(/more than 32 parentheses/);
  });

  it('is the same when it is written out and read again', () => {
    fc.assert(
      fc.property(expressions, (expression) => {
        expect(parseGate(written(expression))).toEqual(expression);
      }),
    );
  });
});

describe('figures', () => {
  it('are the numbers of the contract, with the units of their names', () => {
    expect(unitAt(['variant'], ['speed', 'firstTokenMs'])).toBe('ms');
    expect(unitAt(['variant'], ['speed', 'effectiveBandwidthBytesPerSecond'])).toBe('bytes/s');
    expect(unitAt(['variant'], ['divergence', 'sameTop'])).toBe('share');
    expect(unitAt(['variant'], ['tasks', 'flips', 'pValue'])).toBe('share');
    expect(unitAt(['variant'], ['model', 'contextLength'])).toBe('count');
    expect(unitAt(['variant'], ['model', 'name'])).toBe(null);
    expect(unitAt(['variant'], ['share', 'text', 'total'])).toBe(null);
    expect(unitAt(['variant'], ['tasks', 'byTask', '__proto__', 'accuracy'])).toBe('share');
    expect(unitAt(['machine'], ['memoryBytes'])).toBe('bytes');
  });

  it('that are misspelt are near the right ones', () => {
    expect(nearestFigures(['variant'], ['kld'], 1)[0]).toMatch(/Kld$/);
    expect(nearestFigures(['variant'], ['speed', 'generation', 'tps'], 1)).toEqual([
      'speed.generation.meanTps',
    ]);
    expect(nearestFigures(['variant'], ['tasks', 'byTask', 'math'])).toContain('tasks.byTask.math.accuracy');
  });

  it('are shown beside a limit in its unit, and told from it however close', () => {
    const { limit } = comparison('any.file.bytes > 1.5GB');
    expect(formatBeside(1_802_592_000, limit)).toBe('1.803 GB');
    expect(formatBeside(1_500_000_001, limit)).toBe('1.500000001 GB');
    expect(formatLimit(limit)).toBe('1.5 GB');
    const { limit: share } = comparison('any.tasks.accuracy < 80%');
    expect([formatBeside(0.8, share), formatBeside(0.799999, share), formatLimit(share)]).toEqual([
      '80 %',
      '79.9999 %',
      '80 %',
    ]);
  });
});

const figures = [
  ['file', 'bytes'],
  ['divergence', 'meanKld'],
  ['tasks', 'accuracy'],
  ['tasks', 'byTask', 'math', 'low'],
];
const name = fc.oneof(
  fc.constantFrom('Q4_K_M', 'any', 'a b', 'or', '"'),
  fc.string({ unit: 'grapheme', minLength: 1 }),
);
const comparisons: fc.Arbitrary<GateComparison> = fc
  .record({
    kind: fc.constant('comparison' as const),
    subject: fc.oneof(
      fc.constantFrom({ kind: 'any' as const }, { kind: 'all' as const }, { kind: 'recommended' as const }),
      name.map((each) => ({ kind: 'variant' as const, name: each })),
    ),
    path: fc.constantFrom(...figures),
    operator: fc.constantFrom(...OPERATORS),
    limit: fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((value) => ({ value: value === 0 ? 0 : value, unit: '', scale: 1 })),
    ofReference: fc.boolean(),
    ifAvailable: fc.boolean(),
  })
  .map((fields) => ({ ...fields, unit: unitAt(['variant'], fields.path) ?? 'number' }));
const { expressions } = fc.letrec<{ expressions: GateExpression }>((tie) => ({
  expressions: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    comparisons,
    fc.record({ kind: fc.constant('not' as const), term: tie('expressions') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      terms: fc.array(tie('expressions'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}));

function written(expression: GateExpression): string {
  if (expression.kind === 'not') return `not (${written(expression.term)})`;
  if (expression.kind !== 'comparison') {
    return expression.terms
      .map((term) => (term.kind === 'comparison' ? written(term) : `(${written(term)})`))
      .join(` ${expression.kind} `);
  }
  const { subject, path, operator, limit, ofReference, ifAvailable } = expression;
  const of = ofReference ? ' of reference' : '';
  return `${nameOfSubject(subject)}.${path.join('.')} ${operator} ${limit.value}${of}${ifAvailable ? ' if available' : ''}`;
}
