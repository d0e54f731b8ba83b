import { describe, expect, it } from 'vitest';
import { type BaselineOptions, compareWithBaseline } from '../../src/measure/baseline.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import type { Results, VariantResult } from '../../src/schema/results.ts';
import { nanoResults, nanoVariant } from '../helpers/results.ts';

const NS = 1e9;

/** Q4_K_M with rates of five repetitions around a mean, in tokens per second. */
function timed(meanTps: number, spread: number): Partial<VariantResult> {
  const { speed } = nanoVariant('Q4_K_M');
  if (!isAvailable(speed)) throw new Error('the nano family has speeds');
  const rates = [-2, -1, 0, 1, 2].map((step) => meanTps + step * spread);
  const samplesNs = rates.map((rate) => Math.round((128 * NS) / rate));
  return { speed: { ...speed, generation: { tokens: 128, meanTps, stddevTps: spread * 1.58, samplesNs } } };
}

function withRow(overrides: Partial<VariantResult>, results: Partial<Results> = {}): Results {
  return nanoResults({ variants: [nanoVariant('F16'), nanoVariant('Q4_K_M', overrides)], ...results });
}

function changeOf(now: Results, before: Results, figure: string, options: BaselineOptions = {}) {
  const change = compareWithBaseline(now, before, options).changes.find(
    (each) => each.variant === 'Q4_K_M' && each.figure === figure,
  );
  if (change === undefined) throw new Error(`no change of ${figure}`);
  return change;
}

function divergence(overrides: object): Partial<VariantResult> {
  const { divergence: measured } = nanoVariant('Q4_K_M');
  if (!isAvailable(measured)) throw new Error('the nano family has divergences');
  return { divergence: { ...measured, ...overrides } };
}

function answers(outcomes: readonly boolean[]): Partial<VariantResult> {
  const { tasks } = nanoVariant('Q4_K_M');
  if (!isAvailable(tasks)) throw new Error('the nano family has tasks');
  const correct = outcomes.filter(Boolean).length;
  return { tasks: { ...tasks, correct, total: outcomes.length, outcomes: [...outcomes] } };
}

describe('a run against itself', () => {
  it('has not changed', () => {
    const { changes, added, removed, notes } = compareWithBaseline(nanoResults(), nanoResults());
    expect(changes.length).toBeGreaterThan(30);
    expect(changes.filter(({ verdict }) => verdict === 'better' || verdict === 'worse')).toEqual([]);
    expect([added, removed, notes]).toEqual([[], [], []]);
  });
});

describe('speed', () => {
  const figure = 'speed.generation.meanTps';

  it('is worse or better where Welch says so', () => {
    expect(changeOf(withRow(timed(75, 1)), withRow(timed(100, 1)), figure)).toMatchObject({
      before: 100,
      after: 75,
      verdict: 'worse',
      method: "Welch's t-test on 5 and 5 repetitions of one run each, 3.7 % between runs assumed",
    });
    expect(changeOf(withRow(timed(130, 1)), withRow(timed(100, 1)), figure).verdict).toBe('better');
    const noisy = changeOf(withRow(timed(98, 4)), withRow(timed(100, 4)), figure);
    expect(noisy.verdict).toBe('within noise');
    expect(noisy.pValue).toBeGreaterThan(0.05);
  });

  it('may move by what was allowed', () => {
    const [now, before] = [withRow(timed(90, 0.1)), withRow(timed(100, 0.1))];
    expect(changeOf(now, before, figure).verdict).toBe('worse');
    expect(changeOf(now, before, figure, { speedAllowance: 0.15 }).verdict).toBe('within noise');
  });

  it('cannot be judged without repetitions, with other threads or on another machine', () => {
    expect(changeOf(withRow({}), withRow({}), figure)).toMatchObject({
      verdict: 'unknown',
      method: 'fewer than two repetitions',
    });
    const { machine, settings } = nanoResults();
    const elsewhere = withRow(timed(50, 1), { machine: { ...machine, cpu: 'Apple M2' } });
    expect(changeOf(elsewhere, withRow(timed(100, 1)), figure)).toMatchObject({
      verdict: 'unknown',
      method: 'the baseline is from another machine: cpu AMD EPYC there, Apple M2 here',
    });
    expect(compareWithBaseline(elsewhere, withRow({})).notes).toEqual([
      'Speed and memory are not judged: the baseline is from another machine: cpu AMD EPYC there, Apple M2 here.',
    ]);
    const threaded = withRow(timed(50, 1), { settings: { ...settings, threads: 1 } });
    expect(changeOf(threaded, withRow(timed(100, 1)), figure)).toMatchObject({
      verdict: 'unknown',
      method: 'the baseline ran in another way: threads 2 there, 1 here; prompt threads 2 there, 1 here',
    });
  });

  it('is judged across versions of the engine and patches of the kernel, which is what a baseline is for', () => {
    const { machine } = nanoResults();
    if (!isAvailable(machine.engine)) throw new Error('the results have an engine');
    const newer = {
      ...machine,
      os: 'linux 6.8.1',
      memoryBytes: machine.memoryBytes + 2 ** 24,
      engine: { ...machine.engine, llamaCpp: 'v0.6.0', version: '3.23.0' },
    };
    expect(changeOf(withRow(timed(75, 1), { machine: newer }), withRow(timed(100, 1)), figure).verdict).toBe(
      'worse',
    );
  });

  it('is not judged where the machine was disturbed, then or now', () => {
    const message = 'other processes used 40 % of the CPU time while it was measured';
    const disturbed = (meanTps: number): Partial<VariantResult> => {
      const { speed } = timed(meanTps, 1);
      if (speed === undefined || !isAvailable(speed)) throw new Error('it was timed');
      return { speed: { ...speed, disturbed: [{ code: 'machine/others', message }] } };
    };
    expect(changeOf(withRow(disturbed(50)), withRow(timed(100, 1)), figure)).toMatchObject({
      verdict: 'disturbed',
      method: `disturbed: ${message}`,
    });
    expect(changeOf(withRow(timed(50, 1)), withRow(disturbed(100)), figure)).toMatchObject({
      verdict: 'disturbed',
      method: `the baseline was disturbed: ${message}`,
    });
  });
});

describe('divergence and perplexity', () => {
  it('count from 1.96 standard errors', () => {
    const before = withRow(divergence({ meanKld: 0.01, stderrKld: 0.001 }));
    const kldOf = (meanKld: number) =>
      changeOf(withRow(divergence({ meanKld, stderrKld: 0.001 })), before, 'divergence.meanKld');
    const reach = 1.959964 * Math.SQRT2 * 0.001;
    expect(kldOf(0.01 + reach * 1.01).verdict).toBe('worse');
    expect(kldOf(0.01 + reach * 0.99).verdict).toBe('within noise');
    expect(kldOf(0.01 - reach * 1.01).verdict).toBe('better');
    expect(kldOf(0.01 + reach).pValue).toBeCloseTo(0.05, 5);
  });

  it('use the ratio to a reference in common, which is far sharper', () => {
    const perplexity = (value: number) => ({
      value,
      stderr: 0.26,
      chunks: 29,
      tokens: 7395,
      contextSize: 512,
    });
    const row = (value: number) =>
      withRow({
        perplexity: perplexity(value),
        ...divergence({ lnPplRatio: Math.log(value / 6), lnPplRatioStderr: 0.002 }),
      });
    expect(changeOf(row(6.3), row(6.1), 'perplexity.value')).toMatchObject({
      verdict: 'worse',
      method: expect.stringContaining('PPL of the reference'),
    });
    const apart = withRow({ perplexity: perplexity(6.3) }, { reference: 'Q4_K_M' });
    expect(changeOf(apart, row(6.1), 'perplexity.value')).toMatchObject({
      verdict: 'within noise',
      method: expect.stringContaining('not paired'),
    });
  });

  it('are not judged on another text, and say so', () => {
    const { settings } = nanoResults();
    const evaluation = { ...settings.evaluation, chunks: 8 };
    const now = withRow({}, { settings: { ...settings, evaluation } });
    expect(changeOf(now, withRow({}), 'divergence.meanKld')).toMatchObject({
      verdict: 'unknown',
      method: 'the baseline differs in chunks',
    });
  });
});

describe('answers', () => {
  const all = Array.from({ length: 40 }, () => true);

  it("are told apart by McNemar's test on the same items", () => {
    const some = (wrong: number) => all.map((_, item) => item >= wrong);
    expect(changeOf(withRow(answers(some(6))), withRow(answers(all)), 'tasks')).toMatchObject({
      verdict: 'worse',
      pValue: expect.closeTo(2 * 0.5 ** 6, 12),
      method: "McNemar's exact test: 6 lost, 0 gained of 40",
    });
    expect(changeOf(withRow(answers(some(5))), withRow(answers(all)), 'tasks').verdict).toBe('within noise');
  });

  it('are not judged where the tasks are others', () => {
    const { settings } = nanoResults();
    const evaluation = { ...settings.evaluation, tasksSha256: '1'.repeat(64) };
    const now = withRow(answers(all), { settings: { ...settings, evaluation } });
    expect(changeOf(now, withRow(answers(all)), 'tasks').verdict).toBe('unknown');
  });
});

describe('the rest', () => {
  it('takes sizes as they are', () => {
    const smaller = withRow({ file: { ...nanoVariant('Q4_K_M').file, bytes: 2_700_000 } });
    expect(changeOf(smaller, withRow({}), 'file.bytes')).toMatchObject({ verdict: 'better', pValue: null });
  });

  it('names variants of one side, and figures that one side lacks', () => {
    const before = nanoResults({ variants: [nanoVariant('F16'), nanoVariant('Q8_0')] });
    const absent = { status: 'unavailable' as const, reason: 'crashed' };
    const now = nanoResults({ variants: [nanoVariant('F16', { memory: absent }), nanoVariant('Q2_K')] });
    const { added, removed, changes } = compareWithBaseline(now, before);
    expect([added, removed]).toEqual([['Q2_K'], ['Q8_0']]);
    expect(changes.find(({ figure }) => figure === 'memory.kvBytes')).toMatchObject({
      verdict: 'unknown',
      after: absent,
      method: 'not measured now',
    });
  });
});

describe('a model behind an endpoint', () => {
  const url = 'http://localhost:8080/v1';
  const withEndpoint = (outcomes: readonly boolean[], where = url) => {
    const { tasks } = answers(outcomes);
    if (tasks === undefined) throw new Error('no tasks');
    return nanoResults({ endpoints: [{ name: 'phi3', url: where, tasks, medianReplyMs: 120 }] });
  };
  const right = Array.from({ length: 40 }, () => true);
  const half = right.map((_, item) => item % 2 === 0);

  it('is compared by its answers, and its time by nobody', () => {
    const { changes, added, removed } = compareWithBaseline(withEndpoint(half), withEndpoint(right));
    const own = changes.filter(({ variant }) => variant === `phi3 at ${url}`);
    expect(own).toMatchObject([
      {
        figure: 'tasks',
        before: 1,
        after: 0.5,
        verdict: 'worse',
        method: expect.stringContaining('20 lost'),
      },
      { figure: 'medianReplyMs', verdict: 'unknown', method: expect.stringContaining('the network') },
    ]);
    expect([added, removed]).toEqual([[], []]);
  });

  it('is another one elsewhere', () => {
    const { changes, added, removed } = compareWithBaseline(
      withEndpoint(half, 'http://other/v1'),
      withEndpoint(right),
    );
    expect(changes.filter(({ variant }) => variant.includes('phi3 at'))).toEqual([]);
    expect([added, removed]).toEqual([['phi3 at http://other/v1'], [`phi3 at ${url}`]]);
  });
});
