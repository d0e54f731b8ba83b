import { describe, expect, it } from 'vitest';
import { compareWithBaseline } from '../../src/measure/baseline.ts';
import { comparisonWith } from '../../src/measure/baseline-choice.ts';
import { type Gate, judgeGates } from '../../src/measure/gate.ts';
import { judgeRegression, parseRegression, REGRESSION_FIGURES } from '../../src/measure/gate-regression.ts';
import { judgeableResults } from '../../src/measure/gate-rows.ts';
import type { Rate } from '../../src/schema/figures.ts';
import type { Results, VariantResult } from '../../src/schema/results.ts';
import { nanoResults, nanoVariant } from '../helpers/results.ts';

/** Repetitions around a rate, with a spread of 1 %. */
function rateOf(tokensPerSecond: number, repetitions = 5): Rate {
  const rates = Array.from(
    { length: repetitions },
    (_, i) => tokensPerSecond * (1 + 0.005 * (i - (repetitions - 1) / 2)),
  );
  const samplesNs = rates.map((rate) => Math.round(128e9 / rate));
  return { tokens: 128, meanTps: tokensPerSecond, stddevTps: tokensPerSecond * 0.008, samplesNs };
}

interface Changes {
  readonly generation?: number;
  readonly repetitions?: number;
  readonly bytes?: number;
  readonly meanKld?: number;
  readonly stderrKld?: number;
}

function resultsWith({
  generation = 2000,
  repetitions = 5,
  bytes = 1e6,
  meanKld = 0.1,
  stderrKld = 0.004,
}: Changes): Results {
  const like = nanoVariant('Q2_K');
  if ('status' in like.speed || 'status' in like.divergence) throw new Error('the nano family is complete');
  const variant: VariantResult = {
    ...like,
    file: { ...like.file, bytes },
    speed: { ...like.speed, generation: rateOf(generation, repetitions) },
    divergence: { ...like.divergence, meanKld, stderrKld },
  };
  const reference = nanoVariant('F16', { speed: { ...like.speed, generation: rateOf(1500, repetitions) } });
  return nanoResults({ variants: [reference, variant] });
}

function regressed(figure: string, allowed: string, before: Changes, after: Changes) {
  const rule = parseRegression(figure, allowed, 'test');
  return judgeRegression(rule, compareWithBaseline(resultsWith(after), resultsWith(before)));
}

describe('a regression', () => {
  it.each<
    [what: string, figure: string, allowed: string, before: Changes, after: Changes, holds: boolean | null]
  >([
    ['beyond noise and allowance', 'speed.generation', '5%', {}, { generation: 1800 }, true],
    ['beyond noise, within the allowance', 'speed.generation', '15%', {}, { generation: 1800 }, false],
    [
      'beyond the allowance, within noise',
      'divergence.meanKld',
      '1%',
      { stderrKld: 0.02 },
      { meanKld: 0.11, stderrKld: 0.02 },
      false,
    ],
    ['of divergence', 'divergence.meanKld', '10%', {}, { meanKld: 0.13 }, true],
    ['that is an improvement', 'speed.generation', '0%', {}, { generation: 2400 }, false],
    ['that is a smaller file', 'file.bytes', '0%', {}, { bytes: 9e5 }, false],
    ['of what has no noise', 'file.bytes', '0%', {}, { bytes: 1e6 + 1 }, true],
    ['of what has no noise, allowed', 'file.bytes', '1%', {}, { bytes: 1e6 + 1 }, false],
    ['from one repetition', 'speed.generation', '5%', {}, { generation: 1000, repetitions: 1 }, null],
    ['of nothing at all', 'choices', '5%', {}, {}, null],
  ])('%s', (_, figure, allowed, before, after, holds) => {
    expect(regressed(figure, allowed, before, after).holds).toBe(holds);
  });

  it('says from what to what, and how noise was told from it', () => {
    const { findings } = regressed('speed.generation', '5%', {}, { generation: 1800 });
    expect(findings.map(({ message }) => message)).toEqual([
      "Q2_K.speed.generation.meanTps went from 2000 to 1800, -10 %, beyond noise (Welch's t-test on 5 and 5 repetitions of one run each, 1.6 % between runs assumed) and the 5 % allowed",
    ]);
  });

  it('cannot be told on another machine', () => {
    const before = resultsWith({});
    const now = resultsWith({ generation: 100 });
    const elsewhere = { ...now, machine: { ...now.machine, cpu: 'another' } };
    const rule = parseRegression('speed.generation', '5%', 'test');
    const { holds, findings } = judgeRegression(rule, compareWithBaseline(elsewhere, before));
    expect(holds).toBe(null);
    expect(findings[0]?.message).toMatch(/cannot be compared: the baseline is from another machine/);
  });

  it('is judged against the baseline of the same machine', () => {
    const here = resultsWith({});
    const there = { ...here, machine: { ...here.machine, cpu: 'another' } };
    const gate: Gate = {
      kind: 'regression',
      name: 'regression of speed.generation.meanTps',
      severity: 'error',
      text: '',
      regression: parseRegression('speed.generation', 0.05, 'test'),
    };
    const verdicts = (...baselines: Results[]) => {
      const named = baselines.map((results, index) => ({ label: '', sources: [`${index}.json`], results }));
      const judged = [here, there].map((results, index) => ({
        machine: `${index}`,
        judgeable: judgeableResults(results),
        comparison: comparisonWith(results, named),
      }));
      return judgeGates([gate], judged).outcomes.map(({ verdict }) => verdict);
    };
    expect(verdicts(there, here)).toEqual(['passed', 'passed']);
    expect(verdicts(here)).toEqual(['passed', 'unjudged']);
    expect(verdicts()).toEqual(['unjudged', 'unjudged']);
  });

  it('is allowed for the figures whose noise a comparison knows', () => {
    const results = resultsWith({});
    const compared = compareWithBaseline(results, results).changes;
    const judged = compared.filter(({ verdict }) => verdict !== 'unknown').map(({ figure }) => figure);
    for (const figure of judged) expect(REGRESSION_FIGURES).toContain(figure);
    expect(judged).toEqual(
      expect.arrayContaining(['file.bytes', 'speed.generation.meanTps', 'perplexity.value']),
    );
    expect(REGRESSION_FIGURES).not.toContain('memory.peakRssBytes');
  });

  it.each([
    ['speed.generation', '5', /got "5", expected an allowance/],
    ['speed.generation', -0.1, /got -0\.1/],
    ['speed.generation', 5, /speed\.generation: 5 is a share of the baseline, 500 %/],
    ['file.bytes.accuracy', '5%', /"file\.bytes\.accuracy" is no figure/],
    ['speed.generation', '5000%', /got "5000%"/],
    ['speed.generatoin', '5%', /"speed\.generatoin" is no figure whose noise is known/],
    ['memory.peakRssBytes', '5%', /no figure whose noise is known/],
  ])('%s: %s is refused', (figure, allowed, message) => {
    expect(() => parseRegression(figure, allowed, 'gates.json')).toThrow(message);
    expect(() => parseRegression(figure, allowed, 'gates.json')).toThrow(
      expect.objectContaining({ code: 'gate/regression' }),
    );
  });
});
