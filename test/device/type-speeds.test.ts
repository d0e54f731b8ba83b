import { describe, expect, it } from 'vitest';
import { fastTypes } from '../../src/device/fast-types.ts';
import { builtInDevices, extendDevices, findDevice } from '../../src/device/profiles.ts';
import { typeSpeedsText } from '../../src/device/type-speed-text.ts';
import { typeSpeeds } from '../../src/device/type-speeds.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import type { PhoneBackend } from '../../src/schema/terms.ts';

const PHONES = await builtInDevices();
const ANY = { shape: null, label: null };

function on(device: string, backend: PhoneBackend, judged: Parameters<typeof typeSpeeds>[2] = ANY) {
  const types = typeSpeeds(findDevice(device, PHONES), PHONES, judged).find(
    (each) => each.backend === backend,
  );
  if (types === undefined) throw new Error('no such backend');
  return types;
}

function measuredOn(...asked: Parameters<typeof on>) {
  const { measured } = on(...asked);
  if (!isAvailable(measured)) throw new Error(measured.reason);
  return measured;
}

/** Of the rows as they are, without what is tested here. */
function row(device: string, backend: string, model: string, label: string) {
  const found = PHONES.measured.rows.find(
    (each) =>
      each.device === device && each.backend === backend && each.model === model && each.label === label,
  );
  if (found === undefined) throw new Error('no such row');
  return found;
}

describe('which types a phone runs fast', () => {
  it('is told of a model’s own shape by its rows alone', () => {
    const phi = { shape: PHONES.measured.shapes['phi-3.5-mini'] ?? null, label: 'Q4_K_M' };
    const { models, sameShape, quantizations, rows, against, sources } = measuredOn(
      'poco-f8-ultra',
      'opencl',
      phi,
    );
    expect({ models, sameShape, against }).toEqual({
      models: ['phi-3.5-mini'],
      sameShape: true,
      against: 'Q4_K_M',
    });
    const [q4, q4k] = ['q4_0', 'q4_k_m'].map((label) =>
      row('poco-f8-ultra', 'opencl', 'phi-3.5-mini', label),
    );
    const times = quantizations.find(({ label }) => label === 'Q4_0');
    expect(times?.generation.median).toBeCloseTo((q4?.generationTps ?? 0) / (q4k?.generationTps ?? 0), 10);
    expect(times?.prompt?.median).toBeCloseTo((q4?.promptTps ?? 0) / (q4k?.promptTps ?? 0), 10);
    expect(rows).toContainEqual({
      model: 'phi-3.5-mini',
      label: 'Q4_0',
      promptTps: q4?.promptTps,
      generationTps: q4?.generationTps,
      llamaRn: null,
    });
    expect(sources).toEqual([expect.stringContaining('pocketpal-ai/blob/')]);
  });

  it('is the median over all models for one that was not measured', () => {
    const { models, sameShape, quantizations, rows } = measuredOn('galaxy-s23', 'hexagon');
    expect(sameShape).toBe(false);
    expect(models.length).toBeGreaterThan(5);
    const [first] = quantizations;
    expect(first).toMatchObject({ label: 'Q4_0', models: models.length });
    expect(first?.prompt?.median).toBeGreaterThan(3);
    // Each model beside itself.
    const ratios = models.map((model) => {
      const of = (label: string) => rows.find((each) => each.model === model && each.label === label);
      return (of('Q4_0')?.promptTps ?? 0) / (of('Q4_K_M')?.promptTps ?? 1);
    });
    expect(first?.prompt).toMatchObject({ low: Math.min(...ratios), high: Math.max(...ratios) });
  });

  it('is told by the latest version of llama.rn that was measured, and never across versions', () => {
    const qwen = { shape: PHONES.measured.shapes['qwen3-1.7b'] ?? null, label: 'Q4_K_M' };
    const { rows, quantizations, sources } = measuredOn('poco-f8-ultra', 'opencl', qwen);
    const times = (label: string) => quantizations.find((each) => each.label === label)?.prompt?.median;
    expect(times('Q4_0')).toBeCloseTo(643.4 / 395.3, 10);
    const old = row('poco-f8-ultra', 'opencl', 'qwen3-1.7b', 'q2_k');
    const beside = row('poco-f8-ultra', 'opencl', 'qwen3-1.7b', 'q4_k_m');
    expect(times('Q2_K')).toBeCloseTo((old.promptTps ?? 0) / (beside.promptTps ?? 0), 10);
    expect(
      rows
        .filter(({ label }) => label === 'Q4_K_M')
        .map(({ llamaRn }) => llamaRn)
        .sort(),
    ).toEqual(['0.12.0', null]);
    expect(sources).toHaveLength(2);
  });

  it('lays others beside the file’s own quantization', () => {
    const { against, quantizations } = measuredOn('galaxy-s23', 'opencl', { shape: null, label: 'Q2_K' });
    expect(against).toBe('Q2_K');
    expect(quantizations.find(({ label }) => label === 'Q4_0')?.prompt?.median).toBeGreaterThan(2);
    expect(measuredOn('galaxy-s23', 'opencl', { shape: null, label: 'IQ4_XS' }).against).toBe('Q4_K_M');
  });

  it.each([
    ['snapdragon-8-gen-2', 'galaxy-s23', 'same chip'],
    // Adreno 750 is of the generation of the 740, 830 of that of the 840.
    ['galaxy-s24', 'galaxy-s23', 'same family'],
    ['galaxy-s25', 'poco-f8-ultra', 'same family'],
  ])('of %s is known from %s, of the %s', (device, from, relation) => {
    expect(measuredOn(device, 'opencl').on).toMatchObject({ device: from, relation });
    expect(typeSpeedsText(on(device, 'opencl'))).toMatch(
      /which has the same chip|whose chip is of the same family/,
    );
  });

  it.each([
    ['snapdragon-7-gen-3', 'cpu', 'no phone with a chip of the family of Snapdragon 7 Gen 3'],
    ['pixel-9', 'cpu', 'no phone with a chip of the family of Google Tensor G4'],
    ['iphone-17-pro', 'metal', 'with several quantizations of one model'],
    ['4gb-phone', 'cpu', 'a class of phones has no chip'],
  ] as const)('of %s on %s is unavailable: %s', (device, backend, reason) => {
    expect(on(device, backend).measured).toEqual({
      status: 'unavailable',
      reason: expect.stringContaining(reason),
    });
    expect(typeSpeedsText(on(device, backend))).toContain(reason);
  });

  it('has the types that mix takes, those that the CPU multiplies and those that end the app', () => {
    for (const backend of ['cpu', 'opencl', 'hexagon'] as const) {
      const { fast, onCpu } = on('galaxy-s23', backend);
      expect(new Set(fast)).toEqual(fastTypes(findDevice('galaxy-s23', PHONES), PHONES, backend));
      expect(fast.filter((type) => onCpu.includes(type))).toEqual([]);
    }
    expect(on('galaxy-s23', 'cpu').onCpu).toEqual([]);
    expect(on('galaxy-s23', 'opencl').onCpu).toEqual(
      expect.arrayContaining(['Q2_K', 'Q3_K', 'IQ4_XS', 'IQ1_S']),
    );
    const metal = on('iphone-13', 'metal');
    expect([metal.aborts, metal.onCpu]).toEqual([['TQ1_0', 'TQ2_0'], ['NVFP4']]);
  });

  it('takes what the user’s own phone measured', () => {
    const phone = findDevice('pixel-9', PHONES);
    const learned = (
      [
        ['Q4_K_M', 100, 10],
        ['Q4_0', 250, 12],
      ] as const
    ).map(([label, promptTps, generationTps]) => ({
      device: 'pixel-9',
      backend: 'cpu' as const,
      model: 'Mine',
      label,
      shape: ['llama', 2, 64, 128, 2, 2, 100] as [string, number, number, number, number, number, number],
      tensorBytes: 1000,
      mainType: 'Q4_0' as const,
      promptTps,
      generationTps,
      measuredAt: '2026-03-04T05:06:07.000Z',
    }));
    const catalogue = extendDevices(PHONES, { devices: [{ ...phone, learned }], chips: {}, sources: {} });
    const [types] = typeSpeeds(findDevice('pixel-9', catalogue), catalogue, ANY);
    expect(types === undefined ? '' : typeSpeedsText(types)).toBe(
      'on cpu: Q4_0 reads prompts 2.5× and writes 1.2× as fast as Q4_K_M ' +
        '(2 rows of Mine, measured on this phone; measured by you on 2026-03-04)',
    );
  });
});

describe('the line of a backend', () => {
  it('names what is faster, what is slow, on what it rests and what stays on the CPU', () => {
    expect(typeSpeedsText(on('galaxy-s23', 'opencl'))).toMatch(
      /^on opencl: Q4_0 reads prompts 1\.\d× and writes 1\.\d× as fast as Q4_K_M.*; slow: .*Q2_K 0\.\d× and 0\.\d×.* \(\d+ rows of \d models, medians, measured on this phone; github\.com\/a-ghorbani\/pocketpal-ai\); Q2_K, Q3_K and IQ types other than IQ4_NL stay on the CPU$/,
    );
    expect(typeSpeedsText(on('galaxy-s23', 'hexagon'))).toContain(
      '; Q5_0, Q5_1, K-quants and IQ types other than IQ4_NL stay on the CPU',
    );
    expect(typeSpeedsText(on('galaxy-s23', 'cpu', { shape: null, label: 'Q4_0' }))).toContain(
      'on cpu: nothing measured is faster than Q4_0; slow: ',
    );
  });
});
