import { describe, expect, it } from 'vitest';
import { mergeResults } from '../../src/measure/merge.ts';
import { unavailableBecause } from '../../src/schema/availability.ts';
import type { Results } from '../../src/schema/results.ts';
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

  it('of one machine and one variant keep their rows apart, told apart by date', () => {
    const merged = mergeResults([file('a.json'), file('b.json', { createdAt: LATER })]);
    expect(merged.map(({ label }) => label)).toEqual(['AMD EPYC, 2026-03-14', 'AMD EPYC, 2026-03-15']);
    expect(merged.map(namesOf)).toEqual([namesOf(file('')), namesOf(file(''))]);
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
