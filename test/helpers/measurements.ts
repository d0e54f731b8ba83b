import { unavailableBecause } from '../../src/schema/availability.ts';
import { type BenchResults, type BenchRow, benchSchema } from '../../src/schema/bench.ts';
import type { KitCheck } from '../../src/schema/kit.ts';
import { kitCheckSchema } from '../../src/schema/kit.ts';
import { buildResults } from './results.ts';

/** Valid files of bench and of kit check to build tests on, each as its contract says. */

/** Q4_K_M and Q8_0 of nano, prompt and generation, with figures that differ by machine. */
export function nanoBench(cpu: string, tps: number, overrides: Partial<BenchResults> = {}): BenchResults {
  const { machine, createdAt, tool } = buildResults();
  return benchSchema.parse({
    schema: 'quantscope/bench@1',
    createdAt,
    tool,
    machine: { ...machine, cpu },
    repetitions: 3,
    seed: 1,
    rows: [
      benchRow('Q8_0', 64, 0, tps * 20.5),
      benchRow('Q8_0', 0, 16, tps),
      benchRow('Q4_K_M', 64, 0, tps * 18.25),
      benchRow('Q4_K_M', 0, 16, tps * 1.125),
    ],
    threadSearches: [],
    warnings: [],
    ...overrides,
  });
}

export function benchRow(
  quantization: string,
  promptTokens: number,
  generationTokens: number,
  meanTps: number,
  overrides: Partial<BenchRow> = {},
): BenchRow {
  const name = promptTokens > 0 ? `pp${promptTokens}` : `tg${generationTokens}`;
  const isGeneration = promptTokens === 0;
  const notOfPrompts = unavailableBecause('of generation alone');
  return {
    ref: `nano:${quantization}`,
    model: {
      label: `phi3 ${quantization}`,
      architecture: 'phi3',
      name: 'Nano Phi-3',
      quantization,
      parameters: 4_199_168,
      sizeBytes: 2_674_410,
    },
    config: {
      gpu: 'off',
      gpuLayers: 0,
      threads: 2,
      promptThreads: 2,
      threadsBy: 'asked',
      batchSize: 512,
      keyType: 'f16',
      valueType: 'f16',
      flashAttention: 'auto',
    },
    backend: 'cpu',
    onCpu: [],
    test: { name, promptTokens, generationTokens, depth: 0 },
    status: 'ok',
    failure: null,
    speed: {
      tokens: promptTokens + generationTokens,
      meanTps,
      stddevTps: meanTps / 40,
      samplesNs: [],
      medianTps: meanTps * 1.01,
    },
    loadMs: 12.75,
    effectiveBandwidthBytesPerSecond: isGeneration ? meanTps * 2_674_410 : notOfPrompts,
    shareOfCopyBandwidth: isGeneration ? 0.21 : notOfPrompts,
    memory: {
      peakRssBytes: 109_346_816,
      anonymousBytes: 48_000_000,
      weightsBytes: 2_674_410,
      kvBytes: 1_048_576,
      computeBytes: 3_145_728,
      gpuBytes: 0,
      contextSize: 128,
    },
    speedUp: unavailableBecause('the CPU alone was measured'),
    ...overrides,
  };
}

/** What kit check says of a phone that computes what the computer does, but for what is given. */
export function phoneCheck(device: string, overrides: Partial<KitCheck> = {}): KitCheck {
  return kitCheckSchema.parse({
    schema: 'quantscope/kit-check@1',
    verdict: 'ok',
    device,
    model: 'Nano Phi-3 Q4_K_M',
    modelSha256: 'a'.repeat(64),
    backend: 'CPU',
    prompts: ['fact', 'sum'].map((name) => ({ name, steps: 8, divergence: null })),
    logProbs: { steps: 16, mean: 0.000_81, largest: 0.0212, otherTop: 0 },
    loadMs: 431.5,
    speed: {
      promptTps: 61.26,
      generationTps: 9.375,
      expected: {
        promptTps: 60,
        generationTps: 9.1,
        low: 8.15,
        high: 11.35,
        basis: 'predicted',
        evidence: 'rows of a phone like it',
      },
    },
    memory: { grownBytes: 21_688_320, expectedBytes: 11_597_546, expectedAnonymousBytes: 9_000_000 },
    sustained: { status: 'unavailable', reason: 'the app gave no sustainedMinutes' },
    findings: [],
    ...overrides,
  });
}
