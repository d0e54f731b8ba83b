import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Workload, workloadOf } from '../../src/device/workload.ts';
import type { GgufHeader } from '../../src/gguf/index.ts';
import { readDataFile } from '../../src/schema/json-file.ts';
import { type FittedBackend, measuredSpeedsSchema, phonesSchema } from '../../src/schema/phone-data.ts';
import { LABELS, type Label, quantizedHeader } from './layout.ts';

/** A row of data/measured-speeds.json that costs are fitted to, with the header of the file it was measured with. */
export interface SpeedRow {
  readonly device: string;
  readonly backend: FittedBackend;
  readonly model: string;
  readonly label: Label;
  readonly promptTps: number;
  readonly generationTps: number;
  readonly header: GgufHeader;
  readonly workload: Workload;
}

/** A row of phones.csv: what was logged as the file was loaded. */
export interface LoadRow extends SpeedRow {
  readonly weightsMib: number;
  readonly kvMib: number;
  readonly computeMib: number;
  readonly totalMib: number;
}

/** Tokens of the prompt, and the mean depth of the 64 tokens generated after it. */
export const PROMPT_TOKENS = 256;
export const MEAN_DEPTH = 256 + 32;

/** Not the speed model, which is made of them. */
export const phones = await readDataFile('phones.json', phonesSchema);
export const measured = await readDataFile('measured-speeds.json', measuredSpeedsSchema);

/** All but Metal's, whose five rows fit one number (metal.ts). */
export function speedRows(): SpeedRow[] {
  return measured.rows.flatMap(({ device, backend, model, label, promptTps, generationTps }) => {
    if (backend === 'metal') return [];
    if (promptTps === null) throw new Error(`measured-speeds.json: ${device} ${model} ${label}: no prompt`);
    return [{ device, backend, promptTps, generationTps, ...fileOf(model, label) }];
  });
}

type File = Pick<SpeedRow, 'model' | 'label' | 'header' | 'workload'>;

/** Most files were measured on several phones and backends. */
const files = new Map<string, File>();

export function fileOf(model: string, text: string): File {
  const known = files.get(`${model} ${text}`);
  if (known !== undefined) return known;
  const label = LABELS.find((known) => known === text);
  const header = label === undefined ? undefined : quantizedHeader(model, label);
  const workload = header === undefined ? null : workloadOf(header);
  if (label === undefined || header === undefined || workload === null)
    throw new Error(`no layout for ${model} ${text}`);
  const file = { model, label, header, workload };
  files.set(`${model} ${text}`, file);
  return file;
}

/** phones.csv has the names that PocketPal's benchmark gives phones. */
const DEVICE_BY_CODENAME: Readonly<Record<string, string>> = {
  'samsung-s23': 'galaxy-s23',
  'poco-x7-klee': 'poco-x8-pro',
  'poco-myron': 'poco-f8-ultra',
};

const DATA = fileURLToPath(new URL('../../../shared/data/', import.meta.url));

/** Null where the logs are not at hand: they are no part of the package. */
export function loadRows(): LoadRow[] | null {
  const file = `${DATA}phones.csv`;
  if (!existsSync(file)) return null;
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const names = head.split(',');
  return lines.map((line) =>
    loadRowOf(new Map(line.split(',').map((cell, index) => [names[index] ?? '', cell]))),
  );
}

function loadRowOf(cells: ReadonlyMap<string, string>): LoadRow {
  const text = (name: string) => cells.get(name) ?? '';
  const number = (name: string) => {
    const value = Number(text(name));
    if (!(value >= 0)) throw new Error(`phones.csv: ${name} is "${text(name)}"`);
    return value;
  };
  const backend = (['cpu', 'opencl', 'hexagon'] as const).find((one) => one === text('effective_backend'));
  const device = DEVICE_BY_CODENAME[text('device')];
  if (backend === undefined || device === undefined)
    throw new Error(`phones.csv: ${text('device')} on ${text('effective_backend')} is not known`);
  return {
    device,
    backend,
    ...fileOf(text('model'), text('quant')),
    promptTps: number('pp_tps'),
    generationTps: number('tg_tps'),
    weightsMib: number('weights_mib'),
    kvMib: number('kv_mib'),
    computeMib: number('compute_mib'),
    totalMib: number('total_mib'),
  };
}

export function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
