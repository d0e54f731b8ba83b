import { compareWithBaseline } from '../../src/measure/baseline.ts';
import { type Report, reportOf } from '../../src/report/report.ts';
import { unavailableBecause } from '../../src/schema/availability.ts';
import type { FitReport } from '../../src/schema/fit.ts';
import type { FittedVariant, TypeSpeeds } from '../../src/schema/phones.ts';
import { benchRow, nanoBench, phoneCheck } from './measurements.ts';
import { failedVariant, nanoResults, nanoVariant } from './results.ts';

const MEBI = 1024 ** 2;
export const HOSTILE =
  '"><script>document.title="broken"</script>]]><img src=https://example.org/x onerror=alert(1)>';

/** Everything a page can hold: a failed row, hostile names, phones, a baseline, layers, benches, an endpoint. */
export function fullReport(): Report {
  const variants = [...nanoResults().variants, failedVariant(HOSTILE, 'engine/crashed', HOSTILE)];
  const { tasks } = nanoVariant('Q8_0');
  const endpoint = { name: 'phi3-f16', url: 'http://localhost:8080/v1', tasks, medianReplyMs: 412.4 };
  const results = nanoResults({ variants, warnings: [HOSTILE], endpoints: [endpoint] });
  const before = nanoResults({
    variants: results.variants.map((variant) => ({
      ...variant,
      file: { ...variant.file, bytes: 9_000_000 },
    })),
  });
  const layers = [
    {
      variant: 'Q4_K_M',
      layers: [0, 1, 2, 3],
      roles: [{ role: 'attn_qkv', types: ['Q4_K', 'Q4_K', 'Q6_K', null] }],
      outside: [{ role: 'output', type: 'Q6_K' }],
    },
  ];
  return {
    ...reportOf(results),
    changes: [
      { machine: results.machine.cpu, of: 'comparison', comparison: compareWithBaseline(results, before) },
    ],
    fit,
    layers,
    benches: [
      { label: results.machine.cpu, source: 'here.json', results: nanoBench(results.machine.cpu, 12.34) },
      { label: HOSTILE, source: HOSTILE, results: nanoBench(HOSTILE, 2400, { rows: hostileRows() }) },
    ],
    phones: [
      { label: 'Pixel 9', source: 'pixel.json', check: phoneCheck('Pixel 9') },
      { label: HOSTILE, source: 'other.json', check: wrongCheck() },
    ],
  };
}

function hostileRows() {
  const failure = { code: 'engine/crashed', message: HOSTILE };
  const nothing = unavailableBecause('this test failed');
  const failed = { status: 'failed', failure, speed: nothing, loadMs: nothing, memory: nothing } as const;
  return [benchRow('Q8_0', 0, 16, 2400), benchRow('Q2_K', 0, 16, 1, { ...failed, ref: HOSTILE })];
}

function wrongCheck() {
  return phoneCheck(HOSTILE, {
    verdict: 'wrong',
    model: HOSTILE,
    memory: unavailableBecause('the app gave no usedMemory'),
    findings: [{ level: 'error', code: 'kit/wrong-token', message: HOSTILE }],
  });
}

const fitted: FittedVariant = {
  name: 'Q4_K_M',
  ref: 'nano:Q4_K_M',
  contextSize: 2048,
  cacheType: 'f16',
  verdict: 'tight',
  memory: {
    basis: 'estimated',
    backend: 'cpu',
    weightsBytes: 2_710_144,
    kvBytes: 8_388_608,
    stateBytes: 0,

    checkpointBytes: 0,
    computeBytes: 4_194_304,
    totalBytes: 15_293_056,
    budgetBytes: 14 * MEBI,
    repackedBytes: 0,
    fileBytes: 2_710_144,
    anonymousBytes: 12_582_912,
  },
  speeds: [
    {
      backend: 'cpu',
      promptTps: 40,
      generationTps: 12.34,
      low: 9.1,
      high: 15.2,
      basis: 'predicted',
      evidence: null,
    },
  ],
  reasons: [],
  unloadable: null,
  change: null,
  smaller: null,
};
const typesOnCpu: TypeSpeeds = {
  backend: 'cpu',
  fast: ['Q4_0'],
  onCpu: [],
  aborts: [],
  measured: {
    on: { device: 'q', name: 'Phone <8>', relation: 'same chip' },
    against: 'Q4_K_M',
    models: ['m'],
    sameShape: true,
    quantizations: [
      {
        label: 'Q4_0',
        models: 1,
        prompt: { median: 3.14, low: 3.14, high: 3.14 },
        generation: { median: 1.2, low: 1.2, high: 1.2 },
      },
    ],
    rows: [{ model: 'm', label: 'Q4_0', promptTps: 31.4, generationTps: 12, llamaRn: null }],
    sources: ['https://example.org/a/b/c'],
  },
};
export const fit: FitReport = {
  schema: 'quantscope/fit@1',
  devices: [
    {
      device: 'p',
      name: 'Phone <7>',
      budget: { bytes: 14 * MEBI, entitledBytes: null, basis: 'of the phone', note: null },
      endurance: {
        sustainedShare: unavailableBecause('not published'),
        joulesPerToken: unavailableBecause('not published'),
      },
      types: [typesOnCpu],
      variants: [fitted, { ...fitted, name: 'Q8_0', verdict: 'no' }],
      advice: 'Ship it.',
      recommended: 'Q4_K_M',
    },
  ],
};
