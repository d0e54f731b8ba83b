import { generationTerms, promptTerms } from '../../src/device/cost-terms.ts';
import { bitsPerWeightOf, TENSOR_TYPE_NAMES, type TensorType } from '../../src/gguf/tensor-types.ts';
import type { FittedBackend } from '../../src/schema/phone-data.ts';
import { type Expectation, fitCosts, type Observation } from './non-negative.ts';
import { groupBy, MEAN_DEPTH, PROMPT_TOKENS, type SpeedRow } from './rows.ts';

export type Phase = 'generation' | 'prompt';

/** Milliseconds for a unit of each term, by `device backend`. */
export type CostTable = ReadonlyMap<string, ReadonlyMap<string, number>>;

export const tableKey = (device: string, backend: FittedBackend): string => `${device} ${backend}`;

export function termsOf(
  row: Pick<SpeedRow, 'workload' | 'backend'>,
  phase: Phase,
): ReadonlyMap<string, number> {
  return phase === 'generation'
    ? generationTerms(row.workload, row.backend, MEAN_DEPTH)
    : promptTerms(row.workload, row.backend, PROMPT_TOKENS);
}

export const msPerToken = (row: SpeedRow, phase: Phase): number =>
  1000 / (phase === 'generation' ? row.generationTps : row.promptTps);

/**
 * Costs of what is not a matrix, a guess that a few observations overrule (milliseconds, and ms per GB of cache). A
 * million of tanhf take 45 ms on a core of 2.6 GHz (glibc 2.36).
 */
const OVERHEADS: Readonly<Record<FittedBackend, Readonly<Record<string, number>>>> = {
  cpu: { token: 3, operations: 1, recurrent: 0.1, kv: 50, capped: 45 },
  opencl: {
    token: 2,
    operations: 0.5,
    recurrent: 0.3,
    handover: 20,
    exposed: 5,
    kv: 50,
    pages: 10,
    narrow: 50,
  },
  hexagon: { token: 2, operations: 0.5, recurrent: 5, handover: 20, kv: 50, capped: 45 },
};
const OVERHEAD_WEIGHT = 0.001;
/** Terms of one phase. */
const OF_GENERATION = new Set(['capped', 'exposed']);
const OF_PROMPTS = new Set(['narrow']);
/** What an accelerator pays once for a batch of a prompt, taken as a tenth for each token: launches and waits. */
const BATCHED = new Set(['token', 'operations', 'handover']);
const BATCHED_SHARE = 0.1;
/** What a type costs on one phone follows what it costs on the others. */
const TYPE_WEIGHT = 0.03;
/** What an accelerator hands back costs what it costs on that phone's CPU. */
const HANDED_BACK_WEIGHT = 1;
const OVERSIZED_WEIGHT = TYPE_WEIGHT / 5;
const ROUNDS = 3;

interface Kin {
  readonly to: TensorType;
  /** Alike for a byte where reading is the work, for an element where unpacking is (bits in several places, codebooks). */
  readonly by: 'element' | 'byte';
  readonly times?: number;
  /** Of a prompt alone. */
  readonly promptTimes?: number;
}

/**
 * A type that no measurement covers costs what its nearest kin does. BF16 has no NEON code in ggml
 * (ggml_vec_dot_bf16): one multiplication and addition at a time, 4 cycles each, where Q4_0 takes a quarter of one.
 * Repacked IQ4_NL has no i8mm code (ggml-cpu/repack.cpp: 4x4 with sdot, 16 products an instruction; Q4_0's 4x8 with
 * smmla has 32), which prompts notice, and BF16 the more.
 */
const CPU_KIN: Readonly<Partial<Record<TensorType, Kin>>> = {
  IQ2_S: { to: 'Q2_K', by: 'element' },
  IQ3_S: { to: 'Q3_K', by: 'element' },
  Q5_0: { to: 'Q3_K', by: 'element' },
  Q5_1: { to: 'Q3_K', by: 'element' },
  IQ4_NL: { to: 'Q4_0', by: 'byte', promptTimes: 2 },
  Q4_1: { to: 'Q4_0', by: 'byte' },
  MXFP4: { to: 'IQ4_NL', by: 'element' },
  IQ4_XS: { to: 'Q5_0', by: 'element' },
  IQ1_S: { to: 'IQ2_S', by: 'element' },
  IQ1_M: { to: 'IQ2_S', by: 'element' },
  IQ2_XXS: { to: 'IQ2_S', by: 'element' },
  IQ2_XS: { to: 'IQ2_S', by: 'element' },
  IQ3_XXS: { to: 'IQ3_S', by: 'element' },
  TQ1_0: { to: 'Q2_K', by: 'element' },
  TQ2_0: { to: 'Q2_K', by: 'element' },
  F32: { to: 'Q8_0', by: 'byte' },
  F16: { to: 'Q8_0', by: 'byte' },
  BF16: { to: 'Q4_0', by: 'element', times: 17, promptTimes: 4 },
};

/**
 * On the GPU reading is the work. These are never a file's main type: the few matrices of a file that are in one do
 * not tell their cost (it came out at a third of Q4_0's), so it is held to that of the kin even where there are some.
 */
const OPENCL_KIN: Readonly<Partial<Record<TensorType, Kin>>> = {
  Q4_1: { to: 'Q4_0', by: 'byte' },
  F16: { to: 'Q8_0', by: 'byte' },
  BF16: { to: 'Q8_0', by: 'byte' },
  F32: { to: 'Q8_0', by: 'byte' },
};
const KIN: Readonly<Record<FittedBackend, typeof CPU_KIN>> = {
  cpu: CPU_KIN,
  opencl: OPENCL_KIN,
  // A DSP's code differs more from type to type than their layouts: all alike, until measured.
  hexagon: {},
};
const OPENCL_KIN_WEIGHT = 0.3;

/** Fits all phones and backends at once: CPUs first, since accelerators hand what they refuse back to them. */
export function trainCosts(rows: readonly SpeedRow[], phase: Phase): CostTable {
  const groups = groupBy(rows, (row) => tableKey(row.device, row.backend));
  const table = new Map<string, ReadonlyMap<string, number>>();
  for (const backend of ['cpu', 'opencl', 'hexagon'] as const) {
    const prefix = backend === 'cpu' ? 'cpu' : 'own';
    const devices = [...new Set(rows.filter((row) => row.backend === backend).map(({ device }) => device))];
    const observed = new Map(
      devices.map((device) => {
        const group = groups.get(tableKey(device, backend)) ?? [];
        return [
          device,
          group.map(
            (row): Observation => ({
              terms: termsOf(row, phase),
              value: msPerToken(row, phase),
              session: row.model,
            }),
          ),
        ];
      }),
    );
    const pace = new Map([...observed].map(([device, rows]) => [device, paceOf(rows)]));
    let profile = relativeProfile(new Map(), phase, backend);
    for (let round = 0; round < ROUNDS; round++) {
      const weight = round === 0 ? TYPE_WEIGHT / 10 : TYPE_WEIGHT;
      for (const device of devices) {
        const cpu = table.get(tableKey(device, 'cpu'));
        const expected = (name: string): Expectation => {
          const [kind = '', type = ''] = name.split('.');
          const scale = (pace.get(device) ?? 0) * (profile.get(type) ?? 1);
          if (kind === 'cpu' && backend !== 'cpu') {
            return { cost: cpu?.get(name) ?? 0, weight: HANDED_BACK_WEIGHT };
          }
          const kin = backend === 'opencl' && round > 0 ? OPENCL_KIN[type as TensorType] : undefined;
          if (kind === prefix && kin !== undefined) {
            return { cost: (pace.get(device) ?? 0) * (profile.get(kin.to) ?? 1), weight: OPENCL_KIN_WEIGHT };
          }
          if (kind === prefix) return { cost: scale, weight };
          if (kind === 'oversized') return { cost: 2 * scale, weight: OVERSIZED_WEIGHT };
          const share = phase === 'prompt' && backend !== 'cpu' && BATCHED.has(name) ? BATCHED_SHARE : 1;
          return { cost: (OVERHEADS[backend][name] ?? 1) * share, weight: OVERHEAD_WEIGHT };
        };
        const fitted = fitCosts(observed.get(device) ?? [], expected);
        for (const type of TENSOR_TYPE_NAMES) {
          const kinds =
            backend === 'cpu' ? ['cpu'] : backend === 'opencl' ? ['cpu', 'own', 'oversized'] : ['cpu', 'own'];
          for (const name of kinds.map((kind) => `${kind}.${type}`)) {
            if (!fitted.has(name)) fitted.set(name, expected(name).cost);
          }
        }
        for (const name of Object.keys(OVERHEADS[backend])) {
          const ofOtherPhase = phase === 'prompt' ? OF_GENERATION : OF_PROMPTS;
          if (!fitted.has(name) && !ofOtherPhase.has(name)) fitted.set(name, expected(name).cost);
        }
        table.set(tableKey(device, backend), fitted);
      }
      profile = relativeProfile(
        sharedProfile(devices, backend, prefix, observed, table, pace),
        phase,
        backend,
      );
    }
    // Types that nothing here was measured with follow the last profile, kin and all.
    for (const device of devices) {
      const fitted = new Map(table.get(tableKey(device, backend)));
      const seen = new Set((observed.get(device) ?? []).flatMap(({ terms }) => [...terms.keys()]));
      for (const type of TENSOR_TYPE_NAMES) {
        const scale = (pace.get(device) ?? 0) * (profile.get(type) ?? 1);
        if (!seen.has(`${prefix}.${type}`)) fitted.set(`${prefix}.${type}`, scale);
        if (backend === 'opencl' && !seen.has(`oversized.${type}`))
          fitted.set(`oversized.${type}`, 2 * scale);
      }
      table.set(tableKey(device, backend), fitted);
    }
  }
  return table;
}

/** Milliseconds for a unit of whatever matrix: the median of what was observed. */
function paceOf(observations: readonly Observation[]): number {
  const pure = observations.filter(({ terms }) => !terms.has('handover'));
  const paces = (pure.length > 0 ? pure : observations).map(({ terms, value }) => {
    const amount = [...terms].reduce((sum, [name, units]) => sum + (name.includes('.') ? units : 0), 0);
    return value / amount;
  });
  return median(paces);
}

/** Each type's cost in units of its phone's pace: the geometric mean over the phones that were measured with it. */
function sharedProfile(
  devices: readonly string[],
  backend: FittedBackend,
  prefix: string,
  observed: ReadonlyMap<string, readonly Observation[]>,
  table: CostTable,
  pace: ReadonlyMap<string, number>,
): Map<string, number> {
  const profile = new Map<string, number>();
  for (const type of TENSOR_TYPE_NAMES) {
    const name = `${prefix}.${type}`;
    const logs = devices.flatMap((device) => {
      if (!observed.get(device)?.some(({ terms }) => terms.has(name))) return [];
      const cost = table.get(tableKey(device, backend))?.get(name) ?? 0;
      return [Math.log(Math.max(0.05, cost / (pace.get(device) ?? 1)))];
    });
    if (logs.length > 0) profile.set(type, Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length));
  }
  return profile;
}

/** Measured types as they were, others by their kin, or as the pace. */
function relativeProfile(
  seen: ReadonlyMap<string, number>,
  phase: Phase,
  backend: FittedBackend,
): Map<string, number> {
  const profile = new Map(seen);
  for (const type of TENSOR_TYPE_NAMES) {
    // Before the first round all types are alike.
    if (!profile.has(type) && (KIN[backend][type] === undefined || seen.size === 0)) profile.set(type, 1);
  }
  for (const type of TENSOR_TYPE_NAMES) {
    const kin = KIN[backend][type];
    if (kin === undefined || seen.has(type) || (seen.size === 0 && kin.times === undefined)) continue;
    const perElement = phase === 'generation' && kin.by === 'element';
    const share = perElement ? bitsPerWeightOf(kin.to) / bitsPerWeightOf(type) : 1;
    const times = (kin.times ?? 1) * (phase === 'prompt' ? (kin.promptTimes ?? 1) : 1);
    profile.set(type, (profile.get(kin.to) ?? 1) * share * times);
  }
  return profile;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Linearly interpolated. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
