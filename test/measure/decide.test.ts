import { describe, expect, it } from 'vitest';
import { decided } from '../../src/measure/decide.ts';
import { DEFAULT_LIMITS } from '../../src/measure/limits.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import type { FittedPhone } from '../../src/schema/phones.ts';
import type { Preference } from '../../src/schema/terms.ts';
import { nanoResults } from '../helpers/results.ts';
import { variantOf } from './variants.ts';

const variants = [
  variantOf('F16', { bytes: 8e9, speed: 10, kld: 0 }),
  variantOf('Q8_0', { bytes: 4e9, speed: 30, kld: 0.002 }),
  variantOf('Q5_K_M', { bytes: 3e9, speed: 20, kld: 0.01 }),
  variantOf('Q2_K', { bytes: 1e9, speed: 40, kld: 0.5 }),
];

/** A phone that holds so many bytes, and reads a gigabyte in a tenth of a second. */
function phone(name: string, budget: number): FittedPhone {
  const fitted = variants.map(({ name: own, file: { bytes } }) => ({
    name: own,
    ref: own,
    contextSize: 2048,
    cacheType: 'f16',
    verdict: bytes <= budget ? ('fits' as const) : ('no' as const),
    memory: {
      basis: 'estimated' as const,
      backend: 'cpu' as const,
      weightsBytes: bytes,
      kvBytes: 0,
      stateBytes: 0,
      checkpointBytes: 0,
      computeBytes: 0,
      totalBytes: bytes,
      budgetBytes: budget,
      repackedBytes: 0,
      fileBytes: bytes,
      anonymousBytes: 0,
    },
    speeds: [
      {
        backend: 'cpu' as const,
        promptTps: 100,
        generationTps: 1e10 / bytes,
        low: 1e10 / bytes,
        high: 1e10 / bytes,
        basis: 'measured' as const,
        evidence: null,
      },
    ],
    reasons: [],
    unloadable: null,
    change: null,
    smaller: null,
  }));
  return {
    device: name,
    name,
    budget: { bytes: budget, entitledBytes: null, basis: 'as given', note: null },
    endurance: {
      sustainedShare: { status: 'unavailable', reason: 'not published' },
      joulesPerToken: { status: 'unavailable', reason: 'not published' },
    },
    types: [],
    variants: fitted,
    advice: 'Ship Q2_K: by precision',
    recommended: 'Q2_K',
  };
}

function verdict(prefer: Preference, ...budgets: number[]) {
  const results = nanoResults();
  const settings = { ...results.settings, limits: { ...DEFAULT_LIMITS }, prefer };
  const devices = budgets.map((budget) => phone(`phone of ${budget / 1e9} GB`, budget));
  const { recommendation, devices: advised = [] } = decided({
    variants,
    reference: 'F16',
    settings,
    devices,
  });
  if (!isAvailable(recommendation)) throw new Error(recommendation.reason);
  return { computer: recommendation.variant, phones: advised };
}

describe('one verdict for the computer and the phones', () => {
  it.each<[Preference, string]>([
    ['size', 'Q5_K_M'],
    ['speed', 'Q8_0'],
    ['accuracy', 'Q8_0'],
  ])('by %s is %s', (prefer, name) => {
    expect(verdict(prefer).computer).toBe(name);
  });

  it('recommends a phone what the computer is recommended, never what loses too much', () => {
    const { phones } = verdict('size', 16e9, 3.5e9, 2e9, 0.5e9);
    expect(phones.map(({ recommended }) => recommended)).toEqual(['Q5_K_M', 'Q5_K_M', null, null]);
    expect(phones.map(({ advice }) => advice)).toEqual([
      'Ship Q5_K_M, the smallest within the limits of loss that fits: 3.00 GB, 3.3 tokens/s on cpu (measured).',
      'Ship Q5_K_M, the only one within the limits of loss that fits: 3.00 GB, 3.3 tokens/s on cpu (measured).',
      'Ship none: Q2_K fits but loses too much.',
      'Nothing within the limits of loss fits (Q5_K_M, Q8_0, F16): a smaller model is needed.',
    ]);
  });

  it('takes the speed of the phone for the fastest there', () => {
    expect(verdict('speed', 16e9).phones[0]?.recommended).toBe('Q5_K_M');
  });

  it('advises nothing that an app cannot run', () => {
    const refusing = (...names: readonly string[]) => {
      const given = phone('p', 16e9);
      const own = given.variants.map((each) => ({
        ...each,
        unloadable: names.includes(each.name) ? 'llama.rn refuses the file' : null,
      }));
      const { settings } = nanoResults();
      const { devices = [] } = decided({
        variants,
        reference: 'F16',
        settings: { ...settings, limits: { ...DEFAULT_LIMITS }, prefer: 'size' },
        devices: [{ ...given, variants: own }],
      });
      return devices[0];
    };
    expect(refusing()?.recommended).toBe('Q5_K_M');
    expect(refusing('Q5_K_M')?.recommended).toBe('Q8_0');
    expect(refusing(...variants.map(({ name }) => name))).toMatchObject({
      recommended: null,
      advice: 'Ship none: llama.rn refuses the file.',
    });
  });

  it('leaves a phone its advice by precision where no loss was measured', () => {
    const { settings } = nanoResults();
    const absent = { status: 'unavailable', reason: 'not asked for' } as const;
    const rows = variants.map((row) => ({ ...row, divergence: absent, perplexity: absent, tasks: absent }));
    const { devices } = decided({ variants: rows, reference: 'F16', settings, devices: [phone('p', 16e9)] });
    expect(devices?.[0]?.advice).toBe('Ship Q2_K: by precision');
  });
});

describe('a limit within the error', () => {
  it('is said with how many chunks would settle it, and only where it could turn the verdict', () => {
    const close = variantOf('Q4_K_M', { bytes: 2e9, speed: 30, kld: 0.045, kldError: 0.004 });
    const { settings } = nanoResults();
    const { recommendation } = decided({
      variants: [...variants, close],
      reference: 'F16',
      settings: { ...settings, limits: { ...DEFAULT_LIMITS } },
    });
    if (!isAvailable(recommendation)) throw new Error(recommendation.reason);
    expect(recommendation.variant).toBe('Q4_K_M');
    const open = recommendation.reasons.filter((reason) => reason.startsWith('Not settled:'));
    expect(open[0]).toMatch(
      /^Not settled: of Q4_K_M, mean KLD 0\.045 \(limit 0\.05\) is within the error; about \d+ chunks would settle it, 29 were measured\.$/,
    );
    expect(open.join()).not.toContain('Q2_K');
  });
});
