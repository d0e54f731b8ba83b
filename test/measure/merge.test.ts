import { describe, expect, it } from 'vitest';
import { mergeResults } from '../../src/measure/merge.ts';
import { isAvailable, unavailableBecause } from '../../src/schema/availability.ts';
import type { Results, VariantResult } from '../../src/schema/results.ts';
import { failedVariant, nanoResults, nanoVariant } from '../helpers/results.ts';

const file = (path: string, overrides: Partial<Results> = {}) => ({ path, results: nanoResults(overrides) });
const { machine, settings } = nanoResults();
const LATER = '2026-03-15T09:26:53.589Z';
const phone = { ...machine, cpu: 'Snapdragon 8 Gen 2', os: 'android 14', arch: 'arm64' };
const namesOf = ({ results }: { results: Results }) => results.variants.map(({ name }) => name);

describe('one file', () => {
  it('is left as it is', () => {
    const [only] = mergeResults([file('a.json')]);
    expect(only).toEqual({ label: 'AMD EPYC', sources: ['a.json'], results: nanoResults() });
  });
});

describe('files of one run', () => {
  it('become one row a variant, the one that ran', () => {
    const stopped = file('stopped.json', {
      variants: [nanoVariant('F16'), failedVariant('Q8_0', 'engine/crashed', 'it was killed')],
    });
    const resumed = file('resumed.json', {
      variants: [nanoVariant('F16'), nanoVariant('Q8_0'), nanoVariant('Q2_K')],
    });
    for (const order of [
      [stopped, resumed],
      [resumed, stopped],
    ]) {
      const merged = mergeResults(order);
      expect(merged).toHaveLength(1);
      expect(merged.map(namesOf)).toEqual([['F16', 'Q8_0', 'Q2_K']]);
      expect(merged[0]?.results.variants[1]?.status).toBe('ok');
      expect(merged[0]?.sources).toHaveLength(2);
    }
  });

  it('get a recommendation of their own', () => {
    const [merged] = mergeResults([
      file('a.json', { variants: [nanoVariant('F16'), nanoVariant('Q2_K')] }),
      file('b.json', { variants: [nanoVariant('Q4_K_M')], recommendation: unavailableBecause('alone') }),
    ]);
    expect(merged?.results.recommendation).toMatchObject({ variant: 'Q4_K_M' });
  });
});

describe('runs apart', () => {
  it('of one machine, and of other variants, stand together', () => {
    const merged = mergeResults([
      file('a.json', { variants: [nanoVariant('F16')] }),
      file('b.json', { createdAt: LATER, variants: [nanoVariant('Q2_K')] }),
    ]);
    expect(merged.map(namesOf)).toEqual([['F16', 'Q2_K']]);
  });

  it('of one configuration are pooled, with the runs kept apart', () => {
    const timed = (tps: number, disturbed = false): VariantResult => {
      const { speed } = nanoVariant('Q2_K');
      if (!isAvailable(speed)) throw new Error('the nano family has speeds');
      const generation = {
        tokens: 128,
        meanTps: tps,
        stddevTps: 1,
        samplesNs: [0.99, 1, 1.01].map((f) => Math.round((128e9 / tps) * f)),
      };
      const said = disturbed ? { disturbed: [{ code: 'machine/others', message: 'busy' }] } : {};
      return nanoVariant('Q2_K', { speed: { ...speed, generation, ...said } });
    };
    const run = (path: string, createdAt: string, ...row: Parameters<typeof timed>) =>
      file(path, { createdAt, variants: [nanoVariant('F16'), timed(...row)] });
    const first = run('a.json', nanoResults().createdAt, 100);
    const [merged, ...more] = mergeResults([
      first,
      run('b.json', LATER, 110),
      run('c.json', '2026-03-16T09:00:00.000Z', 40, true),
    ]);
    expect(more).toEqual([]);
    expect(merged?.sources).toEqual(['a.json', 'b.json', 'c.json']);
    expect(merged?.results.runs).toHaveLength(3);
    const { speed } = merged?.results.variants[1] ?? {};
    if (speed === undefined || !isAvailable(speed) || !isAvailable(speed.generation))
      throw new Error('it has a speed');
    // The third was disturbed, and two were not.
    expect(speed.generation).toMatchObject({ runs: [3, 3], meanTps: expect.closeTo(105, 1) });
    expect(speed.generation.samplesNs).toHaveLength(6);
    expect(speed.disturbed).toBeUndefined();
    // What was pooled once may be pooled again.
    const again = mergeResults([
      { path: 'ab.json', results: merged?.results ?? nanoResults() },
      run('d.json', '2026-03-17T09:00:00.000Z', 105),
    ]);
    expect(again[0]?.results.variants[1]?.speed).toMatchObject({ generation: { runs: [3, 3, 3] } });
    expect(again[0]?.results.runs).toHaveLength(4);
  });

  it('of two files of one name keep their rows apart, told apart by date', () => {
    const other = nanoVariant('Q2_K', { file: { bytes: 1, sha256: unavailableBecause('not hashed') } });
    const merged = mergeResults([file('a.json'), file('b.json', { createdAt: LATER, variants: [other] })]);
    expect(merged.map(({ label }) => label)).toEqual(['AMD EPYC, 2026-03-14', 'AMD EPYC, 2026-03-15']);
  });

  it('on a patched kernel are of the same machine', () => {
    const patched = file('b.json', { createdAt: LATER, machine: { ...machine, os: 'linux 6.9' } });
    expect(mergeResults([file('a.json'), patched])).toHaveLength(1);
  });

  it('of two machines are two, in the order given', () => {
    const merged = mergeResults([file('b.json', { createdAt: LATER, machine: phone }), file('a.json')]);
    expect(merged.map(({ label }) => label)).toEqual(['Snapdragon 8 Gen 2', 'AMD EPYC']);
  });

  it('of one machine with other threads are two', () => {
    const merged = mergeResults([file('a.json'), file('b.json', { settings: { ...settings, threads: 4 } })]);
    expect(merged.map(({ label }) => label)).toEqual(['AMD EPYC, 2 threads', 'AMD EPYC, 4 threads']);
  });

  it('have labels of their own whatever they share', () => {
    const twin = { ...nanoResults(), settings: { ...settings, seed: 2 } };
    const merged = mergeResults([file('a.json'), { path: 'b.json', results: twin }]);
    expect(new Set(merged.map(({ label }) => label)).size).toBe(2);
  });
});

describe('what must not stand in one comparison', () => {
  const evaluation = { ...settings.evaluation, textSha256: '1'.repeat(64), chunks: 8 };
  const otherText = file('b.json', { machine: phone, settings: { ...settings, evaluation } });
  const otherModel = file('b.json', {
    variants: [
      nanoVariant('F16', {
        model: { architecture: 'llama', name: 'L', parameters: 7, contextLength: 1, addBosToken: null },
      }),
    ],
  });

  it('is refused, with what differs and where', () => {
    expect(() => mergeResults([file('a.json'), otherText])).toThrowError(
      expect.objectContaining({
        code: 'report/other-evaluation',
        message: expect.stringMatching(
          /^a\.json and b\.json .*text \(sha256\) 0{12}… there, 1{12}… here; chunks all there, 8 here$/,
        ),
        hint: expect.stringContaining('--only speed'),
      }),
    );
    expect(() => mergeResults([file('a.json'), otherModel])).toThrowError(
      expect.objectContaining({
        code: 'report/different-models',
        message: expect.stringContaining('architecture phi3 there, llama here'),
      }),
    );
    expect(() =>
      mergeResults([file('a.json'), file('b.json', { reference: 'Q8_0', machine: phone })]),
    ).toThrowError(expect.objectContaining({ code: 'report/other-reference' }));
    const faster = file('b.json', { machine: phone, settings: { ...settings, generationTokens: 32 } });
    expect(() => mergeResults([file('a.json'), faster])).toThrowError(
      expect.objectContaining({ code: 'report/other-speed-test' }),
    );
    expect(mergeResults([file('a.json'), faster], 'accuracy')).toHaveLength(2);
  });

  it('may be, where only speed is compared, and then has no accuracy', () => {
    const merged = mergeResults([file('a.json'), otherText, otherModel], 'speed');
    expect(merged).toHaveLength(3);
    for (const { results } of merged) {
      for (const { divergence, perplexity, tasks } of results.variants) {
        expect([divergence, perplexity, tasks]).toEqual(
          Array(3).fill(expect.objectContaining({ status: 'unavailable' })),
        );
      }
    }
  });
});
