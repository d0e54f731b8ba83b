// Fits the speed model of `fit` to ../shared/data/phones.csv and prints how well it predicts models that it has not
// seen (npx tsx bench/fit-speed-model.ts). With --write, src/device/speed-model.ts and measured-rows.ts are renewed.
import { writeFile } from 'node:fs/promises';
import type { FittedBackend } from '../src/device/cost-terms.ts';
import type { FittedCosts, MeasuredRow, PhaseCosts, SpeedModel } from '../src/device/speed-types.ts';
import { errorOf, type Held, intervalOf, leaveOut } from './phones/leave-one-out.ts';
import { fileOf, metalModel, metalRows } from './phones/metal.ts';
import { percent, shown, validationReport } from './phones/report.ts';
import { type PhoneRow, phoneRows } from './phones/rows.ts';
import {
  type CostTable,
  median,
  msPerToken,
  type Phase,
  tableKey,
  termsOf,
  trainCosts,
} from './phones/train.ts';

/** Of devices.json: LPDDR5X of these chips, bytes a second. */
const BANDWIDTH: Readonly<Record<string, number>> = {
  'samsung-s23': 67.2e9,
  'poco-x7-klee': 76.8e9,
  'poco-myron': 84.8e9,
};
/** phones.csv's names are PocketPal's; profiles have the phones' own. */
const PROFILE: Readonly<Record<string, string>> = {
  'samsung-s23': 'galaxy-s23',
  'poco-x7-klee': 'poco-x8-pro',
  'poco-myron': 'poco-f8-ultra',
};
const SOURCE: Readonly<Record<string, string>> = {
  'samsung-s23': 'pp-bench-s23',
  'poco-x7-klee': 'pp-bench-klee',
  'poco-myron': 'pp-bench-myron',
};
const BACKENDS: readonly FittedBackend[] = ['cpu', 'opencl', 'hexagon'];
const PHASES: readonly Phase[] = ['generation', 'prompt'];

const rows = phoneRows();
if (rows === null) {
  process.stderr.write(
    '../shared/data/phones.csv is not there: the measurements are no part of the package.\n',
  );
  process.exit(2);
}
const tables = new Map(PHASES.map((phase) => [phase, trainCosts(rows, phase)]));
const held = new Map(PHASES.map((phase) => [phase, leaveOut(rows, phase)]));
for (const phase of PHASES)
  for (const line of validationReport(rows, phase, held.get(phase) ?? [])) print(line);
const model: SpeedModel = { fitted: fittedCosts(), perBandwidth: perBandwidth(rows), metal: metalModel() };
for (const backend of BACKENDS) {
  const { generation } = model.perBandwidth[backend];
  print(
    `a phone left out, ${backend}: median error ${percent(generation.medianError)}, interval ${shown(generation.interval)}`,
  );
}
print(
  `metal: ${percent(model.metal.bandwidthShare)} of the bandwidth, interval ${shown(model.metal.interval)}`,
);
if (process.argv.includes('--write')) await write();

function fittedCosts(): SpeedModel['fitted'] {
  return Object.fromEntries(
    Object.entries(PROFILE).map(([device, profile]) => [
      profile,
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
function perBandwidth(all: readonly PhoneRow[]): SpeedModel['perBandwidth'] {
  const ofBackend = (backend: FittedBackend): FittedCosts =>
    bothPhases((phase) => {
      const table = tableOf(phase);
      const devices = Object.keys(BANDWIDTH).filter((device) => table.has(tableKey(device, backend)));
      const predictions = devices.flatMap((device) => {
        const others = meanCosts(
          table,
          backend,
          devices.filter((other) => other !== device),
        );
        return all
          .filter((row) => row.device === device && row.backend === backend)
          .map((row): Held => {
            const predictedMs = timeOf(others, termsOf(row, phase)) / ((BANDWIDTH[device] ?? 1) / 1e9);
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
        (device) => (table.get(tableKey(device, backend))?.get(name) ?? 0) * ((BANDWIDTH[device] ?? 1) / 1e9),
      );
      // An arithmetic mean where one of them found no cost at all.
      const mean = products.every((product) => product > 0)
        ? Math.exp(products.reduce((sum, product) => sum + Math.log(product), 0) / products.length)
        : products.reduce((sum, product) => sum + product, 0) / products.length;
      return [name, mean];
    }),
  );
}

function timeOf(costs: ReadonlyMap<string, number>, terms: ReadonlyMap<string, number>): number {
  let ms = 0;
  for (const [name, amount] of terms) ms += amount * (costs.get(name) ?? 0);
  return ms;
}

function tableOf(phase: Phase): CostTable {
  return tables.get(phase) ?? new Map();
}

function bothPhases(make: (phase: Phase) => PhaseCosts): FittedCosts {
  return { generation: make('generation'), prompt: make('prompt') };
}

function phaseCosts(
  costs: ReadonlyMap<string, number> | undefined,
  predictions: readonly Held[],
  interval = intervalOf(predictions),
): PhaseCosts {
  const sorted = [...(costs ?? [])].sort(([a], [b]) => a.localeCompare(b));
  return {
    costs: Object.fromEntries(sorted.map(([name, cost]) => [name, Number(cost.toPrecision(4))])),
    interval,
    medianError: Number(median(predictions.map(errorOf)).toFixed(3)),
  };
}

function measuredRows(): MeasuredRow[] {
  const phones = (rows ?? []).map(
    (row): MeasuredRow => ({
      device: PROFILE[row.device] ?? row.device,
      backend: row.backend,
      model: row.model,
      label: row.label,
      promptTps: row.promptTps,
      generationTps: row.generationTps,
      ...fileOf(row.header),
      source: SOURCE[row.device] ?? '',
    }),
  );
  return [...phones, ...metalRows()];
}

async function write(): Promise<void> {
  const head =
    '// Written by bench/fit-speed-model.ts --write from public measurements; see there for what they are.\n' +
    '// biome-ignore-all lint/suspicious/noApproximativeNumericConstant: fitted figures.\n';
  const target = (name: string) => new URL(`../src/device/${name}`, import.meta.url);
  const text = (value: unknown) => JSON.stringify(value, null, 2);
  await writeFile(
    target('speed-model.ts'),
    `${head}import type { SpeedModel } from './speed-types.ts';\n\nexport const SPEED_MODEL: SpeedModel = ${text(model)};\n`,
  );
  const lines = measuredRows().map((row) => `  ${JSON.stringify(row)},`);
  await writeFile(
    target('measured-rows.ts'),
    `${head}import type { MeasuredRow } from './speed-types.ts';\n\n` +
      `// biome-ignore format: one row a line\nexport const MEASURED_ROWS: readonly MeasuredRow[] = [\n${lines.join('\n')}\n];\n`,
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
