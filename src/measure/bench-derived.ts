import { isAvailable, type Unavailable, unavailableBecause } from '../schema/availability.ts';
import type { BenchRow } from '../schema/bench.ts';
import { QuantscopeError } from '../util/errors.ts';
import type { BenchModel, BenchPoint } from './bench-plan.ts';
import { sameButForGpu } from './bench-row.ts';
import { bytesReadPerToken, effectiveBandwidth } from './rates.ts';
import type { SpeedTest } from './speed.ts';

/** What a row's rate says beside itself: of the memory's bandwidth, and of the CPU's rate. */

/**
 * @param meanTps tokens a second
 * @param copied bytes a second that the machine's memory copies
 */
export function bandwidth(
  { described, kvBytesPerToken }: BenchModel,
  { keyType, valueType }: BenchPoint,
  test: SpeedTest,
  meanTps: number,
  copied: number | Unavailable,
): Pick<BenchRow, 'effectiveBandwidthBytesPerSecond' | 'shareOfCopyBandwidth'> {
  if (described instanceof QuantscopeError || test.promptTokens > 0) {
    const absent = unavailableBecause('a prompt is bound by arithmetic, not by reading the weights');
    return { effectiveBandwidthBytesPerSecond: absent, shareOfCopyBandwidth: absent };
  }
  const bytesPerToken = bytesReadPerToken({
    ...described.tokenRead,
    kvBytesPerToken: kvBytesPerToken(keyType, valueType),
    depth: test.depth,
    generated: test.generationTokens,
  });
  const reached = effectiveBandwidth(meanTps, bytesPerToken);
  return {
    effectiveBandwidthBytesPerSecond: reached,
    shareOfCopyBandwidth: isAvailable(copied) ? reached / copied : copied,
  };
}

/** A multiple of the same test's rate on the CPU, among the rows before this one. */
export function speedUp(row: BenchRow, before: readonly BenchRow[]): BenchRow['speedUp'] {
  if (row.backend === 'cpu') return unavailableBecause('it ran on the CPU itself');
  const onCpu = before.find(
    (other) =>
      other.backend === 'cpu' &&
      other.ref === row.ref &&
      other.test.name === row.test.name &&
      sameButForGpu(other.config, row.config),
  );
  if (onCpu === undefined || !isAvailable(onCpu.speed) || !isAvailable(row.speed)) {
    return unavailableBecause('the same test was not measured on the CPU (--gpu off,auto)');
  }
  return row.speed.meanTps / onCpu.speed.meanTps;
}
