import { describe, expect, it } from 'vitest';
import { inputsNow } from '../../bench/phones/evidence.ts';
import { quantizedHeader } from '../../bench/phones/layout.ts';
import { agreementOf, replicates } from '../../bench/phones/leave-one-out.ts';
import { fileOf, loadRows, speedRows } from '../../bench/phones/rows.ts';
import { termsOf } from '../../bench/phones/train.ts';
import { costMs } from '../../src/device/cost-terms.ts';
import { footprint } from '../../src/device/footprint.ts';
import { phoneMemory } from '../../src/device/phone-memory.ts';
import { speedOn } from '../../src/device/predict-speed.ts';
import { builtInDevices, chipOf, findDevice } from '../../src/device/profiles.ts';
import { mainTypeOf } from '../../src/device/workload.ts';
import { quantizationOf, TENSOR_TYPE_NAMES } from '../../src/gguf/index.ts';

const MEBI = 2 ** 20;
const PHONES = await builtInDevices();
const { measured, speedModel, sources } = PHONES;
const loads = loadRows();

describe('the measured speeds', () => {
  it('name files whose bytes and main type follow from llama.cpp’s rules, and sources that are described', () => {
    for (const { model, label, tensorBytes, mainType, source } of measured.rows) {
      const { header, workload } = fileOf(model, label);
      expect([quantizationOf(header).tensorBytes, mainTypeOf(workload)]).toEqual([tensorBytes, mainType]);
      expect(sources).toHaveProperty([source]);
    }
  });

  it.skipIf(loads === null)('have those of phones.csv among them, all 500', () => {
    const keys = ({ device, backend, model, label, promptTps, generationTps }: Omit<Row, 'header'>) =>
      [device, backend, model, label, promptTps, generationTps].join(' ');
    type Row = ReturnType<typeof speedRows>[number];
    expect(loads).toHaveLength(500);
    expect(speedRows().map(keys)).toEqual(expect.arrayContaining(loads?.map(keys) ?? []));
  });
});

// The fits themselves take long: npm run test:speed-model.
describe('the costs', () => {
  it('belong to the committed measurements', () => {
    expect(speedModel.evidence.rowsSha256).toBe(inputsNow().rowsSha256);
  });

  it('predicted models that they had not seen: median 5 %, 90th percentile 14 %, the order of quantizations', () => {
    const { generation, prompt } = speedModel.evidence.heldOut;
    expect([generation.rows, prompt.rows]).toEqual([549, 549]);
    expect(generation.medianError).toBeLessThanOrEqual(0.05);
    expect(generation.p90Error).toBeLessThanOrEqual(0.14);
    expect(generation.tauByPhoneAndModel).toBeGreaterThanOrEqual(0.85);
    expect(generation.tau).toBeGreaterThanOrEqual(0.85);
    expect(prompt.medianError).toBeLessThanOrEqual(0.07);
    expect(prompt.p90Error).toBeLessThanOrEqual(0.19);
  });

  it('come with an interval that held 85 to 95 % of such rows on each backend', () => {
    for (const share of Object.values(speedModel.evidence.heldOut.generation.within)) {
      expect(share).toBeGreaterThanOrEqual(0.85);
      expect(share).toBeLessThanOrEqual(0.95);
    }
  });

  it('err little more than two measurements of the same layers differ: median 3 %, order 0.89', () => {
    const pairs = replicates(speedRows(), 'generation', ({ model }) => String(measured.shapes[model]));
    const floor = agreementOf(pairs);
    const { generation } = speedModel.evidence.heldOut;
    expect(pairs).toHaveLength(56);
    expect(floor.medianError).toBeCloseTo(0.032, 2);
    expect(floor.tau.a).toBeCloseTo(0.89, 2);
    expect(generation.medianError).toBeLessThan(1.5 * floor.medianError);
    expect(generation.p90Error).toBeLessThan(1.2 * floor.p90Error);
  });

  it('are there for every type, on every phone and backend', () => {
    const all = [...Object.values(speedModel.fitted), speedModel.perBandwidth].flatMap((backends) =>
      Object.entries(backends),
    );
    expect(all).toHaveLength(7 + 3);
    for (const [backend, phases] of all) {
      for (const type of TENSOR_TYPE_NAMES) {
        for (const { costs } of Object.values(phases ?? {})) {
          expect(costMs(new Map([[`cpu.${type}`, 1]]), costs)).toBeGreaterThan(0);
          if (backend !== 'cpu') expect(costMs(new Map([[`own.${type}`, 1]]), costs)).toBeGreaterThan(0);
        }
      }
    }
  });

  it('make Q2_K slower than Q4_0 and Q4_K_M on every one of the measured phones', () => {
    let compared = 0;
    for (const [device, backends] of Object.entries(speedModel.fitted)) {
      for (const backend of ['cpu', 'opencl', 'hexagon'] as const) {
        const costs = backends[backend]?.generation.costs;
        if (costs === undefined) continue;
        for (const model of ['phi-3.5-mini', 'phi-4-mini', 'qwen3-1.7b']) {
          const time = (label: 'q2_k' | 'q4_0' | 'q4_k_m') =>
            costMs(termsOf({ ...fileOf(model, label), backend }, 'generation'), costs);
          expect(time('q2_k'), device).toBeGreaterThan(time('q4_0'));
          expect(time('q2_k'), device).toBeGreaterThan(time('q4_k_m'));
          compared++;
        }
      }
    }
    expect(compared).toBe(21);
  });
});

describe.runIf(loads !== null)('against the logs of phones (../shared/data/phones.csv)', () => {
  const rows = loads ?? [];

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
});

describe('a predicted speed', () => {
  const on = (
    name: string,
    label: 'q2_k' | 'q4_0' | 'q4_k_m',
    backend: 'cpu' | 'opencl' | 'metal',
    model = 'phi-3.5-mini',
  ) => {
    const made = quantizedHeader(model, label);
    if (made === undefined) throw new Error('no layout');
    return speedOn(made, findDevice(name, PHONES), PHONES, backend);
  };

  it('gives way to a measurement of the same shape on that phone', () => {
    expect(on('poco-myron', 'q4_k_m', 'cpu')).toMatchObject({
      basis: 'measured',
      generationTps: 15.401,
      promptTps: 55.483,
    });
    expect(on('samsung-s23', 'q4_k_m', 'cpu', 'mistral-7b')).toMatchObject({ basis: 'predicted' });
  });

  it('has Q2_K behind Q4_0 on the CPU of a phone without measurements', () => {
    const [q2, q4] = [on('galaxy-s24', 'q2_k', 'cpu'), on('galaxy-s24', 'q4_0', 'cpu')];
    if (!('generationTps' in q2 && 'generationTps' in q4)) throw new Error('no speed');
    expect(q2.generationTps).toBeLessThan(q4.generationTps);
  });

  it('has a wider interval where the phone was not measured', () => {
    const [near, far] = ['galaxy-s23', 'galaxy-s24'].map((name) => on(name, 'q4_0', 'cpu', 'mistral-7b'));
    if (near === undefined || far === undefined) throw new Error('no speed');
    if (!('generationTps' in near && 'generationTps' in far)) throw new Error('no speed');
    expect([near.basis, far.basis]).toEqual(['predicted', 'extrapolated']);
    expect(near.low).toBeLessThan(near.generationTps);
    expect(far.high / far.low).toBeGreaterThan(near.high / near.low);
  });

  it('is that of another phone with the same chip, where that one was measured', () => {
    const twin = on('snapdragon-8-gen-2', 'q4_0', 'cpu', 'mistral-7b');
    const { backend: _, ...measuredPhone } = on('galaxy-s23', 'q4_0', 'cpu', 'mistral-7b');
    expect(twin).toMatchObject(measuredPhone);
  });

  it('is not given where nothing supports it', () => {
    expect(on('emulator', 'q4_0', 'cpu')).toMatchObject({ reason: expect.stringContaining('host') });
    expect(on('pixel-8', 'q4_0', 'cpu')).toMatchObject({ reason: expect.stringContaining('bandwidth') });
    expect(on('6gb-phone', 'q4_0', 'cpu')).toMatchObject({ reason: expect.stringContaining('chip') });
  });

  it('stays below the memory’s bandwidth on every iPhone', () => {
    for (const device of PHONES.devices.filter(({ os }) => os === 'ios')) {
      const speed = on(device.id, 'q4_k_m', 'metal');
      const bandwidth = chipOf(device, PHONES)?.memoryBandwidthBytesPerSecond?.value ?? 0;
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
