// The long checks of the speed model: npm run test:speed-model.
import { describe, expect, it } from 'vitest';
import { builtInDevices } from '../../src/device/profiles.ts';
import { TENSOR_TYPE_NAMES } from '../../src/gguf/index.ts';
import { agreementOf, coverage, coverageByBackend, leaveOut } from './leave-one-out.ts';
import { metalModel } from './metal.ts';
import { speedRows } from './rows.ts';
import { tableKey, trainCosts } from './train.ts';

const rows = speedRows();
const { speedModel } = await builtInDevices();

describe.each(['generation', 'prompt'] as const)('the costs of %s', (phase) => {
  it('predict models that they have not seen as well as the committed evidence says', () => {
    const {
      rows: count,
      medianError,
      p90Error,
      tau,
      tauByPhoneAndModel,
    } = agreementOf(leaveOut(rows, phase));
    const committed = speedModel.evidence.heldOut[phase];
    expect(count).toBe(committed.rows);
    expect(medianError).toBeCloseTo(committed.medianError, 3);
    expect(p90Error).toBeCloseTo(committed.p90Error, 3);
    expect(tau.a).toBeCloseTo(committed.tau, 3);
    expect(tauByPhoneAndModel.a).toBeCloseTo(committed.tauByPhoneAndModel, 3);
  });

  it('are committed as the fit makes them', () => {
    const table = trainCosts(rows, phase);
    for (const device of new Set(rows.map((row) => row.device))) {
      for (const backend of ['cpu', 'opencl', 'hexagon'] as const) {
        const fitted = table.get(tableKey(device, backend));
        const costs = speedModel.fitted[device]?.[backend]?.[phase].costs;
        expect(costs === undefined).toBe(fitted === undefined);
        // Four digits are committed, and what most types of a kind cost is written once.
        for (const [name, cost] of fitted ?? []) {
          const committed = costs?.[name] ?? costs?.[name.replace(/\..*/, '')] ?? Number.NaN;
          expect(Math.abs(committed - cost), `${device} ${backend} ${name}`).toBeLessThanOrEqual(
            0.001 * cost,
          );
        }
        const known = new Set([
          ...(fitted?.keys() ?? []),
          ...['cpu', 'own', 'oversized'].filter((kind) => fitted?.has(`${kind}.${TENSOR_TYPE_NAMES[0]}`)),
        ]);
        for (const name of Object.keys(costs ?? {})) expect([...known]).toContain(name);
      }
    }
  });
});

it('hold nine of ten rows of each backend within an interval that was computed without their model', () => {
  const within = coverageByBackend(coverage(rows, 'generation', leaveOut(rows, 'generation')));
  expect(within).toEqual(speedModel.evidence.heldOut.generation.within);
});

it('Metal’s share of the bandwidth is committed as its rows give it', () => {
  expect(speedModel.metal).toEqual(metalModel());
});
