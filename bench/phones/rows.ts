import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FittedBackend } from '../../src/device/cost-terms.ts';
import { type Workload, workloadOf } from '../../src/device/workload.ts';
import type { GgufHeader } from '../../src/gguf/index.ts';
import { LABELS, type Label, quantizedHeader } from './layout.ts';

/** A row of phones.csv with the header of the file it was measured with. */
export interface PhoneRow {
  readonly device: string;
  readonly backend: FittedBackend;
  readonly model: string;
  readonly label: Label;
  readonly promptTps: number;
  readonly generationTps: number;
  readonly weightsMib: number;
  readonly kvMib: number;
  readonly computeMib: number;
  readonly totalMib: number;
  readonly header: GgufHeader;
  readonly workload: Workload;
}

/** Tokens of the prompt, and the mean depth of the 64 tokens generated after it. */
export const PROMPT_TOKENS = 256;
export const MEAN_DEPTH = 256 + 32;

const DATA = fileURLToPath(new URL('../../../shared/data/', import.meta.url));

/** Null where the measurements are not at hand: they are no part of the package. */
export function phoneRows(): PhoneRow[] | null {
  const file = `${DATA}phones.csv`;
  if (!existsSync(file)) return null;
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const names = head.split(',');
  return lines.map((line) =>
    rowOf(new Map(line.split(',').map((cell, index) => [names[index] ?? '', cell]))),
  );
}

function rowOf(cells: ReadonlyMap<string, string>): PhoneRow {
  const text = (name: string) => cells.get(name) ?? '';
  const number = (name: string) => {
    const value = Number(text(name));
    if (!(value >= 0)) throw new Error(`phones.csv: ${name} is "${text(name)}"`);
    return value;
  };
  const label = LABELS.find((known) => known === text('quant'));
  const backend = (['cpu', 'opencl', 'hexagon'] as const).find((one) => one === text('effective_backend'));
  const header = label === undefined ? undefined : quantizedHeader(text('model'), label);
  const workload = header === undefined ? null : workloadOf(header);
  if (label === undefined || backend === undefined || header === undefined || workload === null) {
    throw new Error(
      `phones.csv: no layout for ${text('model')} ${text('quant')} on ${text('effective_backend')}`,
    );
  }
  return {
    device: text('device'),
    backend,
    model: text('model'),
    label,
    promptTps: number('pp_tps'),
    generationTps: number('tg_tps'),
    weightsMib: number('weights_mib'),
    kvMib: number('kv_mib'),
    computeMib: number('compute_mib'),
    totalMib: number('total_mib'),
    header,
    workload,
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
