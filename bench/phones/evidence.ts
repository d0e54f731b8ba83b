import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { SpeedModel } from '../../src/schema/phone-data.ts';
import { measured, phones, type SpeedRow, speedRows } from './rows.ts';
import { termsOf } from './train.ts';

/** What the costs follow from, of which data/speed-model.json records the hashes. */
export function inputsNow(
  rows: readonly SpeedRow[] = speedRows(),
): Pick<SpeedModel['evidence'], 'rowsSha256' | 'trainerSha256'> {
  const bandwidths = Object.entries(phones.chips).map(([id, { memoryBandwidthBytesPerSecond }]) => [
    id,
    memoryBandwidthBytesPerSecond?.value,
  ]);
  return {
    rowsSha256: sha256([measured.rows, bandwidths]),
    trainerSha256: sha256([
      ...['train.ts', 'non-negative.ts', 'leave-one-out.ts', 'metal.ts'].map((name) =>
        readFileSync(new URL(name, import.meta.url), 'utf8').replaceAll('\r\n', '\n'),
      ),
      ...rows.flatMap((row) => [[...termsOf(row, 'generation')], [...termsOf(row, 'prompt')]]),
    ]),
  };
}

function sha256(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
