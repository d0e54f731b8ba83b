import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LABELS, type Label, quantizedHeader } from '../../bench/phones/layout.ts';
import { loadRows } from '../../bench/phones/rows.ts';
import { fitOn } from '../../src/device/fit.ts';
import { fittedDevice } from '../../src/device/fit-report.ts';
import { builtInDevices, extendDevices, findDevice } from '../../src/device/profiles.ts';
import { layerBitsOf, workloadOf } from '../../src/device/workload.ts';
import type { GgufHeader } from '../../src/gguf/index.ts';
import type { DeviceProfile } from '../../src/schema/phone-data.ts';
import { headerOf, PHI_3_MINI } from './model-shapes.ts';

const PHONES = await builtInDevices();

const headerFor = (model: string, label: Label) => {
  const header = quantizedHeader(model, label);
  if (header === undefined) throw new Error(`no layout of ${model}`);
  return header;
};
const layerBits = (header: GgufHeader): number => {
  const work = workloadOf(header);
  return work === null ? 0 : layerBitsOf(work);
};
const judge = (device: string, model: string, label: Label, contextSize = 2048, more = {}) => {
  const fit = fitOn(headerFor(model, label), findDevice(device, PHONES), PHONES, {
    contextSize,
    ...more,
  });
  if (fit === null) throw new Error('no fit');
  return fit;
};

/** PocketPal's baselines have no row for these: they did not load. */
const FAILED: readonly (readonly [device: string, model: string, labels: readonly Label[]])[] = [
  ['samsung-s23', 'gemma-4-e2b', ['q4_0', 'q4_k_m', 'q5_k_m', 'q6_k', 'q8_0']],
  ['samsung-s23', 'phi-4-mini', ['q4_k_m', 'q5_k_m', 'q6_k', 'q8_0']],
  ['poco-x7-klee', 'phi-3.5-mini', ['q8_0']],
  ['poco-x7-klee', 'phi-4-mini', ['q8_0']],
  ['poco-x7-klee', 'gemma-4-e2b', ['q6_k', 'q8_0']],
];

describe('a verdict', () => {
  for (const [device, model, labels] of FAILED) {
    for (const label of labels) {
      it(`on ${device} of ${model} ${label}, which failed to load, is not "fits"`, () => {
        expect(judge(device, model, label).verdict).not.toBe('fits');
      });
    }
  }

  const rows = loadRows() ?? [];
  it.runIf(rows.length > 0)('is "no" for at most a tenth of the loads that worked', () => {
    // A phone's backends share a verdict.
    const loads = new Map(rows.map((row) => [`${row.device} ${row.model} ${row.label}`, row]));
    const verdicts = new Map(
      [...loads].map(([load, { device, model, label }]) => [load, judge(device, model, label).verdict]),
    );
    const share = (wanted: string) =>
      rows.filter(({ device, model, label }) => verdicts.get(`${device} ${model} ${label}`) === wanted)
        .length / rows.length;
    expect(rows).toHaveLength(500);
    expect(share('no')).toBeLessThanOrEqual(0.1);
    expect(share('fits')).toBeGreaterThan(0.8);
  });

  it('is "no" for at most a tenth of the loads that others published', () => {
    const known = new Set(PHONES.devices.map(({ id }) => id));
    const worked = PHONES.measured.rows.filter(
      ({ device, source }) => known.has(device) && !/^pp-bench/.test(source),
    );
    expect(worked.length).toBeGreaterThanOrEqual(4);
    const wrong = worked.filter(({ device, model, label }) => {
      const known = LABELS.find((each) => each === label);
      if (known === undefined) throw new Error(`${label} has no layout`);
      return judge(device, model, known, 1024).verdict === 'no';
    });
    expect(wrong).toEqual([]);
  });

  it('tells of the backends that need more than the one it is judged for', () => {
    const { reasons, verdict, backend } = judge('galaxy-s23', 'phi-3.5-mini', 'q4_k_m', 4096);
    expect({ verdict, backend }).toEqual({ verdict: 'tight', backend: 'cpu' });
    expect(reasons).toContainEqual(expect.stringMatching(/^on opencl 4\.\d\d GB: no$/));
    expect(judge('galaxy-s23', 'qwen2.5-1.5b', 'q4_0').reasons.join(' ')).not.toContain('on opencl');
  });

  it('takes a budget that is given as it is, pages of the file or not', () => {
    expect(judge('iphone-17-pro', 'phi-3.5-mini', 'q4_k_m').verdict).toBe('tight');
    const given = judge('iphone-17-pro', 'phi-3.5-mini', 'q4_k_m', 2048, { budgetBytes: 2e9 });
    expect(given.verdict).toBe('no');
    expect(given.reasons[0]).toContain('2.00 GB (as given)');
  });

  it('says what Phi-3’s missing grouped-query attention costs', () => {
    expect(judge('iphone-13-pro', 'phi-3.5-mini', 'q4_k_m', 4096).reasons.join(' ')).toContain('384 KiB');
    expect(judge('iphone-13-pro', 'phi-4-mini', 'q4_k_m', 4096).reasons.join(' ')).not.toContain('grouped');
  });

  it('depends on the entitlement on an iPhone', () => {
    const { verdict, reasons } = judge('iphone-13-pro', 'phi-3.5-mini', 'q4_k_m', 4096);
    expect(verdict).toBe('tight');
    expect(reasons.join(' ')).toContain('entitlement');
  });

  it('names a change that does make it fit, the smaller cache first', () => {
    const { verdict, change } = judge('galaxy-s23', 'phi-3.5-mini', 'q4_k_m', 4096);
    expect(verdict).toBe('tight');
    expect(change).toEqual({ contextSize: 4096, cacheType: 'q8_0' });
    expect(judge('galaxy-s23', 'phi-3.5-mini', 'q4_k_m', 4096, change ?? {}).verdict).toBe('fits');
    const far = judge('iphone-12', 'phi-3.5-mini', 'q4_k_m');
    expect(far).toMatchObject({ verdict: 'no', change: null });
  });

  it('names another quantization that does fit, and none where even the buffers do not', () => {
    const { smaller, reasons } = judge('iphone-13-pro', 'phi-3.5-mini', 'q4_k_m');
    expect(smaller).toMatchObject({ contextSize: 2048, cacheType: 'f16', quantization: 'Q3_K_S' });
    expect(reasons.at(-1)).toMatch(
      /with room to spare: another quantization of at most 1\.7\d GB, 3\.\d bits/,
    );
    expect(judge('iphone-13-pro', 'phi-3.5-mini', 'q2_k').verdict).toBe('fits');
    const least = judge('galaxy-s23', 'phi-3.5-mini', 'q4_k_m', 2048, { budgetBytes: 2e9 });
    expect(least.smaller).toMatchObject({ contextSize: 2048, cacheType: 'q8_0', quantization: null });
    const hopeless = judge('galaxy-s23', 'phi-3.5-mini', 'q4_k_m', 2048, { budgetBytes: 5e8 });
    expect(hopeless).toMatchObject({ verdict: 'no', change: null, smaller: null });
    expect(hopeless.reasons.at(-1)).toBe('no cache, context or quantization is small enough');
  });

  it('names no mix where a large embedding makes its bits a guess', () => {
    const { smaller } = judge('iphone-12', 'gemma-4-e2b', 'q8_0');
    expect(smaller?.quantization ?? null).toBeNull();
  });

  it('names quantizations that fit by their own layouts', () => {
    const labels = {
      Q2_K: 'q2_k',
      Q3_K_M: 'q3_k_m',
      Q4_K_M: 'q4_k_m',
      Q5_K_M: 'q5_k_m',
      Q6_K: 'q6_k',
    } as const;
    fc.assert(
      fc.property(
        fc.integer({ min: 2_000_000_000, max: 5_000_000_000 }),
        fc.constantFrom(
          'phi-3.5-mini',
          'smollm2-1.7b',
          'qwen3-1.7b',
          'deepseek-r1-distill-qwen-1.5b',
          'phi-4-mini',
        ),
        (budgetBytes, model) => {
          const { smaller } = judge('galaxy-s23', model, 'q8_0', 2048, { budgetBytes });
          const label = Object.entries(labels).find(([name]) => name === smaller?.quantization)?.[1];
          if (smaller === null || label === undefined) return;
          const { contextSize, cacheType } = smaller;
          const other = judge('galaxy-s23', model, label, contextSize, { cacheType, budgetBytes });
          expect(other.memory.totalBytes).toBeLessThanOrEqual(0.85 * budgetBytes * 1.02);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('only gets worse with more context, and its change always fits', () => {
    const rank = { unknown: 0, fits: 0, tight: 1, no: 2 };
    const devices = PHONES.devices.filter(({ appBudgetBytes }) => appBudgetBytes !== undefined);
    fc.assert(
      fc.property(
        fc.constantFrom(...devices.map(({ id }) => id)),
        fc.constantFrom('phi-3.5-mini', 'qwen2.5-1.5b', 'gemma-3-1b'),
        fc.integer({ min: 256, max: 16_384 }),
        fc.integer({ min: 0, max: 16_384 }),
        (device, model, contextSize, further) => {
          const near = judge(device, model, 'q4_k_m', contextSize);
          const far = judge(device, model, 'q4_k_m', contextSize + further);
          expect(rank[far.verdict]).toBeGreaterThanOrEqual(rank[near.verdict]);
          if (far.change !== null) {
            const { contextSize: smaller, cacheType } = far.change;
            expect(judge(device, model, 'q4_k_m', smaller, { cacheType }).verdict).toBe('fits');
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is not guessed for a phone whose memory nobody has published', () => {
    const fit = judge('tensor-g3', 'gemma-3-1b', 'q4_0');
    expect(fit.budgetBytes).toBeNull();
    expect(fit.reasons.join(' ')).toContain('--budget');
    expect(judge('tensor-g3', 'gemma-3-1b', 'q4_0', 2048, { budgetBytes: 3e9 }).verdict).toBe('fits');
  });

  it('is null where nothing could be loaded', () => {
    const device = findDevice('galaxy-s23', PHONES);
    expect(fitOn(headerOf({ ...PHI_3_MINI, layers: 0 }), device, PHONES, { contextSize: 512 })).toBeNull();
  });
});

describe('the advice', () => {
  const models = (device: string, labels: readonly Label[], contextSize = 2048) =>
    labels.map((label) => ({
      name: label,
      ref: label,
      parameters: 1,
      layerBits: layerBits(headerFor('phi-3.5-mini', label)),
      fit: judge(device, 'phi-3.5-mini', label, contextSize),
    }));

  it('keeps four bits with a smaller cache rather than ship Q2_K', () => {
    const device = findDevice('galaxy-s23', PHONES);
    const { recommended, advice } = fittedDevice(
      device,
      models('galaxy-s23', ['q2_k', 'q4_0', 'q4_k_m'], 4096),
      PHONES,
    );
    expect(recommended).toBe('q4_0');
    expect(advice).toContain('with a q8_0 cache');
  });

  it('is never Q2_K where Q4_K_M fits: smaller, yet slower and less precise', () => {
    const device = findDevice('galaxy-s23', PHONES);
    const { recommended, advice } = fittedDevice(device, models('galaxy-s23', ['q2_k', 'q4_k_m']), PHONES);
    expect(recommended).toBe('q4_k_m');
    expect(advice).toMatch(/^Ship q4_k_m: .* GB, .* tokens\/s on .* \(measured\)/);
  });

  it('rests on memory alone where nothing was measured on the phone or its chip, and says so', () => {
    const advised = (device: string) => {
      const fits = (['q4_0', 'q8_0'] as const).map((label) => ({
        name: label,
        ref: label,
        parameters: 1,
        layerBits: layerBits(headerFor('mistral-7b', label)),
        fit: judge(device, 'mistral-7b', label, 512, { budgetBytes: 1e10 }),
      }));
      const { recommended, advice, variants } = fittedDevice(findDevice(device, PHONES), fits, PHONES, 1e10);
      return {
        recommended,
        advice,
        bases: new Set(variants.flatMap(({ speeds }) => speeds.map(({ basis }) => basis))),
      };
    };
    // Q4_0 is much faster on both; on one it is known.
    expect(advised('galaxy-s23')).toMatchObject({ recommended: 'q4_0', bases: new Set(['predicted']) });
    const alone = advised('galaxy-s24');
    expect(alone).toMatchObject({ recommended: 'q8_0', bases: new Set(['extrapolated']) });
    expect(alone.advice).toContain('by memory alone, since nothing was measured on this phone or its chip');
  });

  it('is of the largest model that fits, and on no backend that llama.rn calls experimental', () => {
    const device = findDevice('galaxy-s23', PHONES);
    const of = (model: string, label: Label, parameters: number) => ({
      name: `${model} ${label}`,
      ref: label,
      parameters,
      layerBits: layerBits(headerFor(model, label)),
      fit: judge('galaxy-s23', model, label),
    });
    const { recommended, advice } = fittedDevice(
      device,
      [
        of('qwen2.5-1.5b', 'q8_0', 1.5e9),
        of('phi-3.5-mini', 'q4_k_m', 3.8e9),
        of('phi-3.5-mini', 'q2_k', 3.8e9),
      ],
      PHONES,
    );
    expect(recommended).toBe('phi-3.5-mini q4_k_m');
    expect(advice).not.toContain('hexagon');
  });

  it('says so where nothing fits', () => {
    const device = findDevice('iphone-12', PHONES);
    const { recommended, advice } = fittedDevice(device, models('iphone-12', ['q6_k', 'q8_0']), PHONES);
    expect(recommended).toBeNull();
    expect(advice).toMatch(/^Nothing fits; another quantization of at most 1\.\d\d GB, 2\.\d bits a weight/);
    const { advice: hopeless } = fittedDevice(
      device,
      [
        {
          name: 'q8_0',
          ref: 'q8_0',
          parameters: 1,
          layerBits: 8.5,
          fit: judge('iphone-12', 'phi-3.5-mini', 'q8_0', 2048, { budgetBytes: 5e8 }),
        },
      ],
      PHONES,
    );
    expect(hopeless).toBe('Nothing fits; a smaller model is needed.');
  });
});

describe('the devices', () => {
  it('are found by the names of phones.csv, by aliases and however they are written', () => {
    const ids = [
      'samsung-s23',
      'poco-x7-klee',
      'poco-myron',
      'iPhone 13 Pro',
      'Galaxy_S23',
      'snapdragon-8-gen-2',
    ];
    expect(ids.map((name) => findDevice(name, PHONES).id)).toEqual([
      'galaxy-s23',
      'poco-x8-pro',
      'poco-f8-ultra',
      'iphone-13-pro',
      'galaxy-s23',
      'snapdragon-8-gen-2',
    ]);
  });

  it('suggest the nearest names for one that is unknown', () => {
    expect(() => findDevice('iphnoe-13', PHONES)).toThrow(
      expect.objectContaining({ code: 'device/unknown', hint: expect.stringContaining('iphone-13') }),
    );
  });

  it('have a source for every figure, a chip that is described, and names of their own', () => {
    const { devices, chips } = PHONES;
    const names = devices.flatMap(({ id, aliases = [] }) => [id, ...aliases]);
    expect(new Set(names).size).toBe(names.length);
    for (const device of devices) {
      if (device.chip !== null) expect(chips[device.chip]).toBeDefined();
    }
    for (const thing of [...devices, ...Object.values(chips)]) {
      for (const figure of Object.values(thing)) {
        if (typeof figure !== 'object' || figure === null || !('confidence' in figure)) continue;
        if (figure.confidence !== 'definition') expect(figure.sources.length).toBeGreaterThan(0);
        for (const source of figure.sources) expect(Object.keys(PHONES.sources)).toContain(source);
      }
    }
  });

  it('take a user’s own over the built-in ones', () => {
    const mine: DeviceProfile = {
      id: 'galaxy-s23',
      name: 'mine',
      os: 'android',
      chip: null,
      backends: ['cpu'],
    };
    const extended = extendDevices(PHONES, { devices: [mine], chips: {}, sources: {} });
    expect(findDevice('galaxy-s23', extended).name).toBe('mine');
    expect(extended.devices.length).toBe(PHONES.devices.length);
  });
});
