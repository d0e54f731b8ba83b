import { readFileSync } from 'node:fs';
import { unavailableBecause } from '../../src/schema/availability.ts';
import type { Results, VariantResult } from '../../src/schema/results.ts';

/** Valid results to build tests on: the nano family as it would be measured, and pieces to vary. */

interface ReferenceStatistics {
  readonly ppl: number;
  readonly pplStderr: number;
  readonly lnPplRatio: number;
  readonly lnPplRatioStderr: number;
  readonly corLnPplPercent: number;
  readonly meanKld: number;
  readonly stderrKld: number;
  readonly medianKld: number;
  readonly p90Kld: number;
  readonly p95Kld: number;
  readonly p99Kld: number;
  readonly p999Kld: number;
  readonly maxKld: number;
  readonly meanDeltaPPercent: number;
  readonly rmsDeltaPPercent: number;
  readonly sameTopPercent: number;
  readonly sameTopStderrPercent: number;
}

interface TaskCounts {
  readonly correct: number;
  readonly total: number;
}

interface ReferenceFile {
  readonly variants: Record<string, ReferenceStatistics>;
  readonly tasks: {
    readonly variants: Record<string, TaskCounts & { readonly byTask: Record<string, TaskCounts> }>;
  };
}

type ByType = Exclude<VariantResult['quantization'], { status: 'unavailable' }>['byType'];

/** What the fixtures are, and rates of the order that two cores of a server give them. */
const NANO: Record<
  string,
  { bytes: number; bits: number; byType: ByType; prompt: number; generation: number }
> = {
  F16: {
    bytes: 8_438_656,
    bits: 16.009,
    byType: [
      { type: 'F16', tensors: 18, bytes: 8_393_728 },
      { type: 'F32', tensors: 9, bytes: 9216 },
    ],
    prompt: 38_412.4,
    generation: 1874.2,
  },
  Q8_0: {
    bytes: 4_504_128,
    bits: 8.513,
    byType: [
      { type: 'Q8_0', tensors: 18, bytes: 4_459_168 },
      { type: 'F32', tensors: 9, bytes: 9216 },
    ],
    prompt: 41_087.9,
    generation: 2361.8,
  },
  Q4_K_M: {
    bytes: 2_710_144,
    bits: 5.095,
    byType: [
      { type: 'Q4_K', tensors: 13, bytes: 1_696_464 },
      { type: 'Q6_K', tensors: 5, bytes: 968_730 },
      { type: 'F32', tensors: 9, bytes: 9216 },
    ],
    prompt: 36_950.1,
    generation: 2417.3,
  },
  Q2_K: {
    bytes: 1_802_592,
    bits: 3.366,
    byType: [
      { type: 'Q3_K', tensors: 12, bytes: 788_480 },
      { type: 'Q2_K', tensors: 5, bytes: 645_540 },
      { type: 'Q6_K', tensors: 1, bytes: 323_610 },
      { type: 'F32', tensors: 9, bytes: 9216 },
    ],
    prompt: 30_204.6,
    generation: 2288.0,
  },
};

const FLIPS: Record<string, { lost: number; gained: number; pValue: number }> = {
  F16: { lost: 0, gained: 0, pValue: 1 },
  Q8_0: { lost: 0, gained: 1, pValue: 1 },
  Q4_K_M: { lost: 3, gained: 3, pValue: 1 },
  Q2_K: { lost: 9, gained: 13, pValue: 0.5235 },
};

const reference: ReferenceFile = JSON.parse(
  readFileSync(new URL('../../fixtures/nano/reference.json', import.meta.url), 'utf8'),
);

/** F16, Q8_0, Q4_K_M and Q2_K of the nano family: accuracy as llama-perplexity gave it, plausible speeds. */
export function nanoResults(overrides: Partial<Results> = {}): Results {
  return buildResults({
    reference: 'F16',
    variants: ['F16', 'Q8_0', 'Q4_K_M', 'Q2_K'].map((name) => nanoVariant(name)),
    recommendation: {
      variant: 'Q4_K_M',
      reasons: [
        'Q4_K_M is the smallest variant within the limits: 2.6 MiB, 68 % smaller than F16 and 1.29 times as fast at generation; mean KLD 0.0127 (limit 0.05) and same top 94.5 % (limit 90 %).',
        'Q2_K, the next smaller, loses too much: mean KLD 0.144 (limit 0.05).',
      ],
      dominated: [],
    },
    ...overrides,
  });
}

/** One variant of the nano family, complete. */
export function nanoVariant(name: string, overrides: Partial<VariantResult> = {}): VariantResult {
  const nano = pick(NANO, name);
  const statistics = pick(reference.variants, name);
  const { correct, total, byTask } = pick(reference.tasks.variants, name);
  const flips = pick(FLIPS, name);
  return buildVariant(name, {
    ref: `fixtures/nano/nano-phi3-${name}.gguf`,
    file: { bytes: nano.bytes, sha256: unavailableBecause('not hashed') },
    quantization: { label: name, bitsPerWeight: nano.bits, byType: nano.byType, imatrix: null },
    load: { coldMs: 61.2 + nano.bytes / 1e6, warmMs: 22.4 + nano.bytes / 2e6 },
    speed: {
      prompt: { tokens: 512, meanTps: nano.prompt, stddevTps: nano.prompt * 0.012, samplesNs: [] },
      generation: {
        tokens: 128,
        meanTps: nano.generation,
        stddevTps: nano.generation * 0.021,
        samplesNs: [],
      },
      generationAtDepth: {
        depth: 512,
        tokens: 128,
        meanTps: nano.generation * 0.86,
        stddevTps: nano.generation * 0.009,
        samplesNs: [],
      },
      firstTokenMs: 3.1,
      firstTokenPromptTokens: 24,
      effectiveBandwidthBytesPerSecond: nano.bytes * nano.generation,
    },
    memory: {
      peakRssBytes: 151_000_000 + nano.bytes,
      anonymousBytes: 48_000_000,
      weightsBytes: nano.bytes,
      kvBytes: 5_242_880,
      computeBytes: 3_145_728,
      gpuBytes: 0,
      contextSize: 640,
    },
    perplexity: {
      value: statistics.ppl,
      stderr: statistics.pplStderr,
      chunks: 29,
      tokens: 7395,
      contextSize: 512,
    },
    divergence: divergenceFrom(statistics),
    tasks: {
      correct,
      total,
      ...wilson(correct, total),
      byTask: Object.fromEntries(
        Object.entries(byTask).map(([kind, counts]) => [
          kind,
          { ...counts, ...wilson(counts.correct, counts.total) },
        ]),
      ),
      outcomes: [],
      flips: { ...flips, count: flips.lost + flips.gained, share: (flips.lost + flips.gained) / total },
    },
    ...overrides,
  });
}

/** A row on which everything failed but the file's size. */
export function failedVariant(name: string, code: string, message: string): VariantResult {
  return buildVariant(name, { status: 'failed', failure: { code, message } }, message);
}

/** A variant about which only its name and size are known. */
export function buildVariant(
  name: string,
  overrides: Partial<VariantResult> = {},
  reason = 'not measured',
): VariantResult {
  const absent = unavailableBecause(reason);
  return {
    name,
    ref: `${name}.gguf`,
    file: { bytes: 1_000_000, sha256: absent },
    model: {
      architecture: 'phi3',
      name: 'Nano Phi-3',
      parameters: 4_199_168,
      contextLength: 512,
      addBosToken: true,
    },
    quantization: absent,
    load: absent,
    speed: absent,
    memory: absent,
    perplexity: absent,
    divergence: absent,
    tasks: absent,
    weights: unavailableBecause('compare does not read the weights'),
    status: 'ok',
    failure: null,
    ...overrides,
  };
}

/** Results of a machine and of settings that never change, around the given parts. */
export function buildResults(overrides: Partial<Results> = {}): Results {
  return {
    schema: 'quantscope/results@1',
    createdAt: '2026-03-14T09:26:53.589Z',
    tool: { version: '0.1.0' },
    machine: {
      os: 'linux 6.8',
      arch: 'x64',
      cpu: 'AMD EPYC',
      cores: 2,
      memoryBytes: 8_321_499_136,
      copyBandwidthBytesPerSecond: 11_400_000_000,
      engine: {
        name: 'node-llama-cpp',
        version: '3.22.1',
        llamaCpp: 'v0.5.0',
        build: 'prebuilt',
        backend: 'cpu',
        devices: [],
        systemInfo: 'AVX2 = 1',
      },
    },
    settings: {
      only: ['size', 'speed', 'memory', 'accuracy'],
      quick: false,
      repetitions: 5,
      promptTokens: 512,
      generationTokens: 128,
      depth: 512,
      batchSize: 512,
      threads: 2,
      gpu: 'off',
      gpuLayers: 0,
      flashAttention: 'auto',
      cacheType: 'f16',
      seed: 1,
      evaluation: {
        text: 'nano/text.txt',
        textSha256: '0'.repeat(64),
        contextSize: 512,
        chunks: null,
        tasks: 'nano/tasks.jsonl',
        tasksSha256: '0'.repeat(64),
        taskItems: 332,
      },
      limits: { maxMeanKld: 0.05, minSameTop: 0.9, maxPerplexityIncrease: 0.03, maxAccuracyDrop: 0.02 },
    },
    reference: null,
    variants: [],
    recommendation: unavailableBecause('nothing was measured'),
    warnings: [],
    ...overrides,
  };
}

function divergenceFrom(statistics: ReferenceStatistics): VariantResult['divergence'] {
  const percentiles = {
    p01DeltaP: -0.1,
    p05DeltaP: -0.02,
    p10DeltaP: -0.01,
    p25DeltaP: -0.001,
    medianDeltaP: 0,
    p75DeltaP: 0.001,
    p90DeltaP: 0.01,
    p95DeltaP: 0.02,
    p99DeltaP: 0.1,
    p001DeltaP: -0.3,
    p999DeltaP: 0.3,
    minDeltaP: -0.5,
    maxDeltaP: 0.5,
  };
  return {
    meanKld: statistics.meanKld,
    stderrKld: statistics.stderrKld,
    medianKld: statistics.medianKld,
    p90Kld: statistics.p90Kld,
    p95Kld: statistics.p95Kld,
    p99Kld: statistics.p99Kld,
    p999Kld: statistics.p999Kld,
    maxKld: statistics.maxKld,
    // The file says -0.0 where JSON written by us says 0.
    meanDeltaP: statistics.meanDeltaPPercent / 100 + 0,
    stderrDeltaP: 0,
    rmsDeltaP: statistics.rmsDeltaPPercent / 100,
    stderrRmsDeltaP: 0,
    ...percentiles,
    sameTop: statistics.sameTopPercent / 100,
    sameTopStderr: statistics.sameTopStderrPercent / 100,
    lnPplRatio: statistics.lnPplRatio,
    lnPplRatioStderr: statistics.lnPplRatioStderr,
    lnPplCorrelation: statistics.corLnPplPercent / 100,
  };
}

/** Wilson's 95 % interval, written out here so that the builder leans on nothing it may be used to test. */
function wilson(correct: number, total: number): { low: number; high: number } {
  const z = 1.959964;
  const share = correct / total;
  const centre = share + z ** 2 / (2 * total);
  const half = z * Math.sqrt((share * (1 - share)) / total + z ** 2 / (4 * total ** 2));
  const scale = 1 + z ** 2 / total;
  return { low: Math.max(0, (centre - half) / scale), high: Math.min(1, (centre + half) / scale) };
}

function pick<Value>(record: Record<string, Value>, name: string): Value {
  const value = record[name];
  if (value === undefined) throw new Error(`the nano family has no ${name}`);
  return value;
}
