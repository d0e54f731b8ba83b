import { bytesPerToken, elementsPerToken } from '../../src/device/cost-terms.ts';
import type { SpeedModel } from '../../src/schema/phone-data.ts';
import { fileOf, measured, phones } from './rows.ts';

/** Five rows fit one number: the share of the bandwidth. Its interval is wide on purpose. */
export function metalModel(): SpeedModel['metal'] {
  const { devices, chips } = phones;
  const rows = measured.rows
    .filter(({ backend }) => backend === 'metal')
    .map((row) => {
      const chip = chips[row.chip ?? devices.find(({ id }) => id === row.device)?.chip ?? ''];
      const bandwidth = chip?.memoryBandwidthBytesPerSecond?.value;
      if (bandwidth === undefined) throw new Error(`${row.device}: the bandwidth of its memory is not known`);
      return { ...row, bandwidth, work: fileOf(row.model, row.label).workload };
    });
  const logs = rows.map(({ generationTps, work, bandwidth }) =>
    Math.log((generationTps * bytesPerToken(work, 0)) / bandwidth),
  );
  const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
  const deviation = Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1));
  // Student's t for a new observation, four degrees of freedom; 99 %, because five rows of three chips are few.
  const reach = 4.604 * deviation * Math.sqrt(1 + 1 / logs.length);
  const prompts = rows.flatMap(({ promptTps, gpuCores, work }) =>
    promptTps === null || gpuCores === undefined ? [] : [(promptTps * elementsPerToken(work)) / gpuCores],
  );
  return {
    bandwidthShare: Number(Math.exp(mean).toPrecision(4)),
    interval: { low: Number(Math.exp(-reach).toFixed(3)), high: Number(Math.exp(reach).toFixed(3)) },
    rows: rows.length,
    promptElementsPerSecondPerCore: Number(
      (prompts.reduce((a, b) => a + b, 0) / prompts.length).toPrecision(4),
    ),
    promptRows: prompts.length,
  };
}
