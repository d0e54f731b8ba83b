import { beforeAll, describe, expect, it } from 'vitest';
import { quantizedHeader } from '../../bench/phones/layout.ts';
import { agreementOf, leaveOut } from '../../bench/phones/leave-one-out.ts';
import { type PhoneRow, phoneRows } from '../../bench/phones/rows.ts';
import { tableKey, termsOf, trainCosts } from '../../bench/phones/train.ts';
import { footprint } from '../../src/device/footprint.ts';
import { phoneMemory } from '../../src/device/phone-memory.ts';
import { speedOn } from '../../src/device/predict-speed.ts';
import { BUILT_IN_DEVICES, findDevice } from '../../src/device/profiles.ts';
import { SPEED_MODEL } from '../../src/device/speed-model.ts';

const MEBI = 2 ** 20;
const rows: readonly PhoneRow[] = phoneRows() ?? [];
const hasRows = rows.length > 0;
const LONG = 300_000;

describe.runIf(hasRows)('against the measurements of phones (../shared/data/phones.csv)', () => {
  it(
    'predicts generation on models it has not seen: median 10 %, 90th percentile 25 %, the order of quantizations',
    () => {
      const agreement = agreementOf(leaveOut(rows, 'generation'));
      expect(agreement.rows).toBe(500);
      expect(agreement.medianError).toBeLessThanOrEqual(0.1);
      expect(agreement.p90Error).toBeLessThanOrEqual(0.25);
      expect(agreement.tauByPhoneAndModel.a).toBeGreaterThanOrEqual(0.85);
      // Within one backend pairs are closer: the fit to these very rows reaches 0.86.
      expect(agreement.tau.a).toBeGreaterThanOrEqual(0.84);
    },
    LONG,
  );

  it(
    'predicts prompts on models it has not seen: median 20 %',
    () => {
      const agreement = agreementOf(leaveOut(rows, 'prompt'));
      expect(agreement.medianError).toBeLessThanOrEqual(0.2);
      expect(agreement.p90Error).toBeLessThanOrEqual(0.25);
    },
    LONG,
  );

  it(
    'is committed as the fit makes it',
    () => {
      const phones = {
        'samsung-s23': 'galaxy-s23',
        'poco-x7-klee': 'poco-x8-pro',
        'poco-myron': 'poco-f8-ultra',
      };
      for (const phase of ['generation', 'prompt'] as const) {
        const table = trainCosts(rows, phase);
        for (const [device, profile] of Object.entries(phones)) {
          for (const backend of ['cpu', 'opencl', 'hexagon'] as const) {
            const fitted = table.get(tableKey(device, backend));
            const costs = SPEED_MODEL.fitted[profile]?.[backend]?.[phase].costs;
            expect(costs === undefined).toBe(fitted === undefined);
            expect(Object.keys(costs ?? {}).length).toBe(fitted?.size ?? 0);
            // Four digits are committed.
            for (const [name, cost] of fitted ?? [])
              expect(Math.abs((costs?.[name] ?? Number.NaN) - cost)).toBeLessThanOrEqual(0.001 * cost);
          }
        }
      }
    },
    LONG,
  );

  it('knows each file by the weights that were logged: within 1 % but for one of unknown make', () => {
    const errors = rows.map(({ header, backend, model, label, weightsMib }) => {
      const memory = phoneMemory(header, { contextSize: 2048, cacheType: 'f16', backend });
      return {
        what: `${model} ${label} ${backend}`,
        error: (memory?.weightsBytes ?? 0) / MEBI / weightsMib - 1,
      };
    });
    const beyond = errors.filter(({ error }) => Math.abs(error) > 0.01).map(({ what }) => what);
    expect(new Set(beyond.map((what) => what.replace(/ \w+$/, '')))).toEqual(new Set(['gemma-4-e2b iq1_s']));
  });

  it('has the caches exactly and the compute buffers within 15 % at the median', () => {
    const errors: number[] = [];
    for (const row of rows) {
      const memory = phoneMemory(row.header, { contextSize: 2048, cacheType: 'f16', backend: row.backend });
      // A model with windowed layers logs two caches, and the file has the last.
      if (!row.model.startsWith('gemma')) expect((memory?.kvBytes ?? 0) / MEBI).toBe(row.kvMib);
      errors.push(Math.abs((memory?.computeBytes ?? 0) / MEBI / row.computeMib - 1));
    }
    errors.sort((a, b) => a - b);
    expect(errors[errors.length >> 1]).toBeLessThan(0.15);
  });

  it('says that Q2_K is slower than Q4_0 and Q4_K_M on every one of these phones', () => {
    for (const { device, backend } of rows.filter(({ label }) => label === 'q2_k')) {
      for (const model of ['phi-3.5-mini', 'phi-4-mini', 'qwen3-1.7b']) {
        const costs = trained().get(tableKey(device, backend));
        const time = (label: 'q2_k' | 'q4_0' | 'q4_k_m'): number => {
          const row = rows.find((each) => each.model === model && each.label === label);
          if (row === undefined) throw new Error(model);
          return [...termsOf({ ...row, backend }, 'generation')].reduce(
            (ms, [name, amount]) => ms + amount * (costs?.get(name) ?? Number.NaN),
            0,
          );
        };
        expect(time('q2_k')).toBeGreaterThan(time('q4_0'));
        expect(time('q2_k')).toBeGreaterThan(time('q4_k_m'));
      }
    }
  });

  let table: ReturnType<typeof trainCosts>;
  beforeAll(() => {
    table = trainCosts(rows, 'generation');
  }, LONG);
  const trained = () => table;
});

describe('a predicted speed', () => {
  const header = (label: 'q2_k' | 'q4_0' | 'q4_k_m') => {
    const made = quantizedHeader('phi-3.5-mini', label);
    if (made === undefined) throw new Error('no layout');
    return made;
  };
  const on = (name: string, label: 'q2_k' | 'q4_0' | 'q4_k_m', backend: 'cpu' | 'opencl' | 'metal') => {
    const device = findDevice(name, BUILT_IN_DEVICES);
    const chip = device.chip === null ? undefined : BUILT_IN_DEVICES.chips[device.chip];
    return speedOn(header(label), device, chip, backend);
  };

  it('gives way to a measurement of the same shape on that phone', () => {
    expect(on('poco-myron', 'q4_k_m', 'cpu')).toMatchObject({
      basis: 'measured',
      generationTps: 15.401,
      promptTps: 55.483,
    });
    expect(on('samsung-s23', 'q4_k_m', 'cpu')).toMatchObject({ basis: 'predicted' });
  });

  it('has Q2_K behind Q4_0 on the CPU of a phone without measurements', () => {
    const [q2, q4] = [on('galaxy-s24', 'q2_k', 'cpu'), on('galaxy-s24', 'q4_0', 'cpu')];
    if (!('generationTps' in q2 && 'generationTps' in q4)) throw new Error('no speed');
    expect(q2.generationTps).toBeLessThan(q4.generationTps);
  });

  it('has a wider interval where the phone was not measured', () => {
    const [near, far] = [on('galaxy-s23', 'q4_0', 'cpu'), on('galaxy-s24', 'q4_0', 'cpu')];
    if (!('generationTps' in near && 'generationTps' in far)) throw new Error('no speed');
    expect(near.low).toBeLessThan(near.generationTps);
    expect(far.high / far.low).toBeGreaterThan(near.high / near.low);
  });

  it('is not given where nothing supports it', () => {
    expect(on('emulator', 'q4_0', 'cpu')).toMatchObject({ reason: expect.stringContaining('host') });
    expect(on('pixel-8', 'q4_0', 'cpu')).toMatchObject({ reason: expect.stringContaining('bandwidth') });
    expect(on('6gb-phone', 'q4_0', 'cpu')).toMatchObject({ reason: expect.stringContaining('chip') });
  });

  it('stays below the memory’s bandwidth on every iPhone', () => {
    for (const device of BUILT_IN_DEVICES.devices.filter(({ os }) => os === 'ios')) {
      const speed = on(device.id, 'q4_k_m', 'metal');
      const bandwidth = BUILT_IN_DEVICES.chips[device.chip ?? '']?.memoryBandwidthBytesPerSecond?.value ?? 0;
      if (!('generationTps' in speed)) throw new Error(device.id);
      expect(speed.generationTps * 2.3e9).toBeLessThan(bandwidth);
    }
  });
});

it('Phi-3-mini Q4_K_M at 2,048 tokens on a CPU takes what was logged, 2,282 + 768 + 91 MiB, within 2 %', () => {
  const header = quantizedHeader('phi-3.5-mini', 'q4_k_m');
  if (header === undefined) throw new Error('no layout');
  const memory = phoneMemory(header, { contextSize: 2048, cacheType: 'f16', backend: 'cpu' });
  expect(Math.abs((memory?.totalBytes ?? 0) / MEBI / (2282 + 768 + 91) - 1)).toBeLessThan(0.02);
  expect(memory?.totalBytes).toBe(footprint(header, { contextSize: 2048 })?.totalBytes);
});
