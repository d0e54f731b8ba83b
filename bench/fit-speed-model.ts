// Fits the speed model of `fit` to data/measured-speeds.json and prints how well it predicts models that it has not
// seen (npx tsx bench/fit-speed-model.ts): minutes, since each interval is itself tried on a model left out. With --write
// it renews data/speed-model.json instead.
import { writeFile } from 'node:fs/promises';
import { costMs } from '../src/device/cost-terms.ts';
import { TENSOR_TYPE_NAMES } from '../src/gguf/tensor-types.ts';
import type { FittedBackend, FittedCosts, PhaseCosts, SpeedModel } from '../src/schema/phone-data.ts';
import { inputsNow } from './phones/evidence.ts';
import {
  agreementOf,
  coverage,
  coverageByBackend,
  errorOf,
  type Held,
  intervalOf,
  leaveOut,
} from './phones/leave-one-out.ts';
import { metalModel } from './phones/metal.ts';
import { percent, shown, validationReport } from './phones/report.ts';
import { phones, type SpeedRow, speedRows } from './phones/rows.ts';
import {
  type CostTable,
  median,
  msPerToken,
  type Phase,
  tableKey,
  termsOf,
  trainCosts,
} from './phones/train.ts';

const BACKENDS: readonly FittedBackend[] = ['cpu', 'opencl', 'hexagon'];
const PHASES: readonly Phase[] = ['generation', 'prompt'];

const rows = speedRows();
const DEVICES = [...new Set(rows.map(({ device }) => device))].sort();
const tables = new Map(PHASES.map((phase) => [phase, trainCosts(rows, phase)]));
const held = new Map(PHASES.map((phase) => [phase, leaveOut(rows, phase)]));
const isWriting = process.argv.includes('--write');
for (const phase of isWriting ? [] : PHASES)
  for (const line of validationReport(rows, phase, held.get(phase) ?? [])) print(line);
const model: SpeedModel = {
  evidence: {
    ...inputsNow(rows),
    heldOut: {
      generation: {
        ...heldOut('generation'),
        within: coverageByBackend(coverage(rows, 'generation', held.get('generation') ?? [])),
      },
      prompt: heldOut('prompt'),
    },
  },
  fitted: fittedCosts(),
  perBandwidth: perBandwidth(rows),
  metal: metalModel(),
};
for (const backend of BACKENDS) {
  const { generation } = model.perBandwidth[backend];
  print(
    `a phone left out, ${backend}: median error ${percent(generation.medianError)}, interval ${shown(generation.interval)}`,
  );
}
print(
  `metal: ${percent(model.metal.bandwidthShare)} of the bandwidth, interval ${shown(model.metal.interval)}`,
);
if (isWriting) {
  const file = new URL('../data/speed-model.json', import.meta.url);
  await writeFile(file, `${JSON.stringify({ $schema: '../schema/speed-model.json', ...model }, null, 2)}\n`);
}

function heldOut(phase: Phase): SpeedModel['evidence']['heldOut']['prompt'] {
  const { rows: count, medianError, p90Error, tau, tauByPhoneAndModel } = agreementOf(held.get(phase) ?? []);
  const digits = (value: number) => Number(value.toFixed(4));
  return {
    rows: count,
    medianError: digits(medianError),
    p90Error: digits(p90Error),
    tau: digits(tau.a),
    tauByPhoneAndModel: digits(tauByPhoneAndModel.a),
  };
}

function fittedCosts(): SpeedModel['fitted'] {
  return Object.fromEntries(
    DEVICES.map((device) => [
      device,
      Object.fromEntries(
        BACKENDS.filter((backend) => tableOf('generation').has(tableKey(device, backend))).map((backend) => [
          backend,
          bothPhases((phase) => {
            const ofBackend = (held.get(phase) ?? []).filter(({ row }) => row.backend === backend);
            const ofPhone = ofBackend.filter(({ row }) => row.device === device);
            return phaseCosts(tableOf(phase).get(tableKey(device, backend)), ofPhone, intervalOf(ofBackend));
          }),
        ]),
      ),
    ]),
  );
}

/** Costs times bandwidth, geometric mean over the phones; errors from leaving each phone out. */
function perBandwidth(all: readonly SpeedRow[]): SpeedModel['perBandwidth'] {
  const ofBackend = (backend: FittedBackend): FittedCosts =>
    bothPhases((phase) => {
      const table = tableOf(phase);
      const devices = DEVICES.filter((device) => table.has(tableKey(device, backend)));
      const predictions = devices.flatMap((device) => {
        const others = meanCosts(
          table,
          backend,
          devices.filter((other) => other !== device),
        );
        return all
          .filter((row) => row.device === device && row.backend === backend)
          .map((row): Held => {
            const predictedMs =
              costMs(termsOf(row, phase), Object.fromEntries(others)) / gigabytesPerSecond(device);
            return { row, measuredMs: msPerToken(row, phase), predictedMs };
          });
      });
      return phaseCosts(meanCosts(table, backend, devices), predictions);
    });
  return { cpu: ofBackend('cpu'), opencl: ofBackend('opencl'), hexagon: ofBackend('hexagon') };
}

function meanCosts(
  table: CostTable,
  backend: FittedBackend,
  devices: readonly string[],
): Map<string, number> {
  const names = new Set(
    devices.flatMap((device) => [...(table.get(tableKey(device, backend))?.keys() ?? [])]),
  );
  return new Map(
    [...names].map((name) => {
      const products = devices.map(
        (device) => (table.get(tableKey(device, backend))?.get(name) ?? 0) * gigabytesPerSecond(device),
      );
      // An arithmetic mean where one of them found no cost at all.
      const mean = products.every((product) => product > 0)
        ? Math.exp(products.reduce((sum, product) => sum + Math.log(product), 0) / products.length)
        : products.reduce((sum, product) => sum + product, 0) / products.length;
      return [name, mean];
    }),
  );
}

/** Of the memory. */
function gigabytesPerSecond(device: string): number {
  const chip = phones.devices.find(({ id }) => id === device)?.chip ?? '';
  const bandwidth = phones.chips[chip]?.memoryBandwidthBytesPerSecond?.value;
  if (bandwidth === undefined) throw new Error(`${device}: the bandwidth of its memory is not known`);
  return bandwidth / 1e9;
}

function tableOf(phase: Phase): CostTable {
  return tables.get(phase) ?? new Map();
}

function bothPhases<Of>(make: (phase: Phase) => Of): { generation: Of; prompt: Of } {
  return { generation: make('generation'), prompt: make('prompt') };
}

function phaseCosts(
  costs: ReadonlyMap<string, number> | undefined,
  predictions: readonly Held[],
  interval = intervalOf(predictions),
): PhaseCosts {
  return {
    costs: withDefaults(
      new Map([...(costs ?? [])].map(([name, cost]) => [name, Number(cost.toPrecision(4))])),
    ),
    interval,
    medianError: Number(median(predictions.map(errorOf)).toFixed(3)),
  };
}

/** `cpu` stands for the types of `cpu.*` that cost what most types do; the others stay. */
function withDefaults(costs: ReadonlyMap<string, number>): Record<string, number> {
  const written = new Map(costs);
  for (const kind of new Set([...costs.keys()].filter((name) => name.includes('.')).map(kindOf))) {
    const ofKind = TENSOR_TYPE_NAMES.map((type) => costs.get(`${kind}.${type}`));
    const count = (cost: number | undefined) => ofKind.filter((other) => other === cost).length;
    const usual = ofKind.reduce((best, cost) => (count(cost) > count(best) ? cost : best), ofKind[0]);
    if (usual === undefined) throw new Error(`${kind}: not every type has a cost`);
    written.set(kind, usual);
  }
  return Object.fromEntries(
    [...written]
      .filter(([name, cost]) => !name.includes('.') || cost !== written.get(kindOf(name)))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function kindOf(name: string): string {
  return name.replace(/\..*/, '');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
