import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeReport } from '../../src/api/gates/judge.ts';
import { sustainedFrom } from '../../src/device/sustained.ts';
import { compareWithBaseline } from '../../src/measure/baseline.ts';
import { type Allowance, type Gate, judgeGates, reasonOf } from '../../src/measure/gate.ts';
import { parseGate } from '../../src/measure/gate-expression.ts';
import { judgeExpression, requireVariants } from '../../src/measure/gate-judge.ts';
import { judgeableResults } from '../../src/measure/gate-rows.ts';
import { NOTHING, type Report, reportOf } from '../../src/report/report.ts';
import { unavailableBecause } from '../../src/schema/availability.ts';
import type { Results } from '../../src/schema/results.ts';
import { nanoBench } from '../helpers/measurements.ts';
import { buildVariant, nanoResults, nanoVariant } from '../helpers/results.ts';
import { arbitraryResults } from '../report/arbitrary-results.ts';

const results = nanoResults();

function holds(text: string, of: Results = results): boolean | null {
  return judgeExpression(parseGate(text), judgeableResults(of)).holds;
}

/** A variant with figures, and one that has none because it crashed. */
function withCrash(): Results {
  const failure = { code: 'engine/crashed', message: 'the engine ended by SIGKILL' };
  const crashed = buildVariant('Q2_K', { status: 'failed', failure }, failure.message);
  return nanoResults({ variants: [nanoVariant('F16'), nanoVariant('Q8_0'), crashed] });
}

describe('judging', () => {
  it.each<[string, boolean | null]>([
    ['Q2_K.divergence.meanKld > 0.05', true],
    ['Q4_K_M.divergence.meanKld > 0.05', false],
    ['any.divergence.meanKld > 0.05', true],
    ['all.divergence.meanKld > 0.05', false],
    // The reference's own divergence of 0 is no finding.
    ['any.divergence.meanKld < 0.000001', false],
    ['all.divergence.meanKld > 0.000001', true],
    ['recommended.file.bytes > 2.7MB', true],
    ['recommended.file.bytes > 2.8MB', false],
    ['reference.file.bytes == 8438656', true],
    ['machine.cores >= 1', true],
    ['any.tasks.accuracy < 1%', false],
    ['Q2_K.divergence.meanKld > 0.05 and Q8_0.divergence.meanKld > 0.05', false],
    ['Q2_K.divergence.meanKld > 0.05 or Q8_0.divergence.meanKld > 0.05', true],
  ])('%s: %s', (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  it.each<[string, boolean | null]>([
    ['not Q2_K.divergence.meanKld > 0.05', false],
    ['not any.choices.accuracy < 50%', null],
    ['any.file.bytes > 50% of reference', true],
    // The reference is not compared with itself.
    ['any.file.bytes >= 100% of reference', false],
    ['all.speed.generation.meanTps > 1.05 of reference', true],
    ['Q2_K.perplexity.value < 100% of reference', false],
    ['any.choices.accuracy < 99% of reference', null],
    ['any.choices.accuracy < 99% of reference if available', false],
  ])('%s: %s', (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  it('says what the reference has, with as many digits as tell the two apart', () => {
    const [finding] = judgeExpression(
      parseGate('Q8_0.file.bytes > 50% of reference'),
      judgeableResults(results),
    ).findings;
    expect(finding?.message).toBe('Q8_0.file.bytes is 4.504 MB, > 50 % of reference (4.21933 MB)');
  });

  it('says what was found, in the unit of the limit', () => {
    const { findings } = judgeExpression(parseGate('any.file.bytes < 3 MB'), judgeableResults(results));
    expect(findings.map(({ message }) => message)).toEqual([
      'Q4_K_M.file.bytes is 2.71 MB, < 3 MB',
      'Q2_K.file.bytes is 1.803 MB, < 3 MB',
    ]);
    const [finding] = judgeExpression(
      parseGate('recommended.file.bytes > 3 MB'),
      judgeableResults(results),
    ).findings;
    expect(finding?.message).toBe('Q4_K_M.file.bytes (recommended) is 2.71 MB, not > 3 MB');
  });

  it('does not take a missing figure for a good one', () => {
    const crash = withCrash();
    expect(holds('Q2_K.divergence.meanKld > 0.05', crash)).toBe(null);
    expect(holds('any.divergence.meanKld > 0.05', crash)).toBe(null);
    expect(holds('any.file.bytes > 8MB', crash)).toBe(true);
    expect(
      judgeExpression(parseGate('any.divergence.meanKld > 0.05'), judgeableResults(crash)).findings,
    ).toMatchObject([{ message: 'Q2_K.divergence.meanKld is unavailable: the engine ended by SIGKILL' }]);
    expect(holds('Q2_K.divergence.meanKld > 0.05 if available', crash)).toBe(false);
    expect(holds('any.divergence.meanKld > 0.05 if available', crash)).toBe(false);
    expect(holds('all.divergence.meanKld > 0.000001 if available', crash)).toBe(true);
    expect(holds('any.tasks.byTask.cooking.accuracy < 50%')).toBe(null);
    expect(holds('any.tasks.byTask.constructor.accuracy < 50%')).toBe(null);
    expect(
      holds('recommended.file.bytes > 1', nanoResults({ recommendation: unavailableBecause('none') })),
    ).toBe(null);
    expect(holds('reference.file.bytes > 1', nanoResults({ reference: null }))).toBe(null);
    expect(holds('any.file.bytes > 1', nanoResults({ variants: [] }))).toBe(null);
    expect(holds('any.choices.accuracy < 50%')).toBe(null);
  });

  it('lets what is known decide where it can', () => {
    const [unknown, yes, no] = ['Q2_K.divergence.meanKld > 0', 'Q8_0.file.bytes > 1', 'Q8_0.file.bytes < 1'];
    const crash = withCrash();
    expect(holds(`${unknown} or ${yes}`, crash)).toBe(true);
    expect(holds(`${unknown} or ${no}`, crash)).toBe(null);
    expect(holds(`${unknown} and ${no}`, crash)).toBe(false);
    expect(holds(`${unknown} and ${yes}`, crash)).toBe(null);
  });

  it('of any results agrees with its opposite, and any with all', () => {
    fc.assert(
      fc.property(arbitraryResults(), fc.double({ noNaN: true, noDefaultInfinity: true }), (any, limit) => {
        for (const path of ['divergence.meanKld', 'speed.generation.meanTps', 'tasks.accuracy']) {
          const above = holds(`any.${path} > ${limit}`, any);
          const below = holds(`all.${path} <= ${limit}`, any);
          expect(below).toBe(above === null ? null : !above);
        }
      }),
    );
  });

  it('knows before a run which variants there will be', () => {
    const names = ['F16', 'Q4_K_M', 'a b'];
    const checking = (text: string) => () => requireVariants(parseGate(text), names, text);
    expect(checking('"a b".file.bytes > 1 or any.file.bytes > 1')).not.toThrow();
    expect(checking('Q4_KM.file.bytes > 1')).toThrow(
      expect.objectContaining({ code: 'gate/variant', hint: expect.stringMatching(/Did you mean Q4_K_M\?/) }),
    );
    expect(checking('AB.file.bytes > 1')).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/Did you mean "a b"\?/) }),
    );
  });
});

describe('gates', () => {
  const gate = (text: string, severity: 'error' | 'warning' = 'error'): Gate => {
    return { kind: 'condition', name: text, severity, text, expression: parseGate(text) };
  };
  const bad = 'Q2_K.divergence.meanKld > 0.05';
  const good = 'Q8_0.divergence.meanKld > 0.05';

  it('fail by their errors, and warn by their warnings', () => {
    const verdict = (...gates: Gate[]) =>
      judgeGates(gates, [{ machine: null, judgeable: judgeableResults(results), comparison: null }]).verdict;
    expect(verdict(gate(good))).toBe('passed');
    expect(verdict(gate(bad), gate(good))).toBe('failed');
    expect(verdict(gate(bad, 'warning'), gate(good))).toBe('warning');
    expect(verdict(gate('any.choices.accuracy < 50%'))).toBe('failed');
  });

  it('say the file of what they found and why one cannot be judged', () => {
    const { outcomes } = judgeGates(
      [gate(bad), gate('Q2_K.choices.accuracy < 50%')],
      [{ machine: null, judgeable: judgeableResults(results), comparison: null }],
    );
    expect(outcomes[0]).toMatchObject({
      verdict: 'failed',
      findings: [{ variant: 'Q2_K', figure: 'divergence.meanKld', ref: 'fixtures/nano/nano-phi3-Q2_K.gguf' }],
    });
    expect(outcomes.map(reasonOf)[1]).toBe(
      'cannot be judged: Q2_K.choices.accuracy is unavailable: the results have no choices',
    );
  });

  it('about one variant say nothing of a machine that did not run it', () => {
    const other = nanoResults({ variants: [nanoVariant('F16'), nanoVariant('Q8_0')] });
    const judged = [
      { machine: 'one', judgeable: judgeableResults(results), comparison: null },
      { machine: 'two', judgeable: judgeableResults(other), comparison: null },
    ];
    const { outcomes } = judgeGates([gate(bad), gate('any.file.bytes > 1')], judged);
    expect(outcomes.map((outcome) => [outcome.machine, outcome.gate])).toEqual([
      ['one', bad],
      ['one', 'any.file.bytes > 1'],
      ['two', 'any.file.bytes > 1'],
    ]);
  });

  it('do not judge a shard', () => {
    const shard = nanoResults({ shard: { index: 1, count: 2 } });
    expect(() => judgeReport({ gates: [gate(good)], allowed: [] }, reportOf(shard))).toThrow(
      /a part of the figures/,
    );
  });

  it('fail by a variant that failed or vanished, unless that is allowed', () => {
    const crash = withCrash();
    const comparison = compareWithBaseline(crash, nanoResults());
    const judge = (...allowed: Allowance[]) => {
      const judged = [{ machine: null, judgeable: judgeableResults(crash), comparison }];
      const { verdict, outcomes } = judgeGates([gate('any.perplexity.value > 1000')], judged, allowed);
      return [verdict, ...outcomes.map((outcome) => `${outcome.gate} ${outcome.verdict}`)];
    };
    expect(judge()).toEqual([
      'failed',
      'variant.failed failed',
      'variant.missing failed',
      'any.perplexity.value > 1000 unjudged',
    ]);
    expect(judge('variant.failed')).toEqual([
      'failed',
      'variant.missing failed',
      'any.perplexity.value > 1000 passed',
    ]);
    expect(judge('variant.failed', 'variant.missing')).toEqual([
      'passed',
      'any.perplexity.value > 1000 passed',
    ]);
  });

  it('are judged on what bench, context and fit found', () => {
    const bench = nanoBench('AMD EPYC', 12.34);
    const report = { ...NOTHING, benches: [{ label: 'AMD EPYC', source: 'a.json', results: bench }] };
    const asked = (text: string): Gate => {
      return {
        kind: 'condition',
        name: text,
        severity: 'error',
        text,
        expression: parseGate(text, '', ['bench', 'variant']),
      };
    };
    const judge = (text: string, of: Report = report) =>
      judgeReport({ gates: [asked(text)], allowed: [] }, of);
    expect(judge('any.speed.meanTps < 13').verdict).toBe('failed');
    expect(judge('any.speed.meanTps < 12').verdict).toBe('passed');
    const rows = bench.rows.map((row) => ({
      ...row,
      disturbed: [{ code: 'machine/others', message: 'others' }],
    }));
    const busy = {
      ...report,
      benches: [{ label: 'a', source: 'a', results: { ...bench, rows } }],
    };
    expect(judge('any.speed.meanTps < 13', busy).verdict).toBe('disturbed');
    // Minutes of use are judged by their sustained speed, where nothing else was at work.
    const windows = [8, 8, 5, 5, 5, 5].map((generationTps, index) => ({
      startS: 60 * index,
      endS: 60 * (index + 1),
      turns: 1,
      promptTokens: 0,
      promptTps: null,
      generatedTokens: 60 * generationTps,
      generationTps,
      state: {},
    }));
    const curve = sustainedFrom({ minutes: 6, before: {}, windows, energy: unavailableBecause('none') });
    const lasting = (of: typeof bench.rows): Report => ({
      ...report,
      benches: [
        {
          label: 'a',
          source: 'a',
          results: {
            ...bench,
            rows: of.map((row) => ({ ...row, sustained: { ...curve, cooledS: 0, isStopped: false } })),
          },
        },
      ],
    });
    const slow = 'any.sustained.generation.sustainedTps < 6';
    expect(judge(slow, lasting(bench.rows)).verdict).toBe('failed');
    expect(judge('any.sustained.generation.sustainedShare < 50 %', lasting(bench.rows)).verdict).toBe(
      'passed',
    );
    expect(judge(slow, lasting(rows)).verdict).toBe('disturbed');
    // Beside a comparison each gate is about what has its figure; of what there is none it cannot be judged.
    const both = { ...report, machines: reportOf(results).machines };
    const named = judge('any.speed.meanTps < 13', both).outcomes.map(({ machine }) => machine);
    expect(named).toEqual(['AMD EPYC, bench']);
    expect(judge('nobody.speed.meanTps < 13', both).outcomes).toMatchObject([{ verdict: 'unjudged' }]);
  });
});
