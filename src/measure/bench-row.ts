import type { EngineSession } from '../engine/engine.ts';
import type { Repeated } from '../machine/watch.ts';
import { isAvailable, unavailableBecause } from '../schema/availability.ts';
import type { BenchConfig, BenchRow } from '../schema/bench.ts';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import type { BenchModel, BenchPoint } from './bench-plan.ts';
import { type SpeedTest, testName } from './speed.ts';

/** The rows of a bench before and without their figures. */

export function sameButForGpu(a: BenchConfig, b: BenchConfig): boolean {
  const rest = ({ gpu: _, gpuLayers: __, threads: ___, promptThreads: ____, ...others }: BenchConfig) =>
    others;
  return JSON.stringify(rest(a)) === JSON.stringify(rest(b));
}

export function blankRow(
  { ref, sizeBytes, described }: BenchModel,
  { threads, ...point }: BenchPoint,
  { promptTokens, generationTokens, depth }: SpeedTest,
  minutes: number | undefined,
): BenchRow {
  const absent = unavailableBecause('not measured');
  const asked = typeof threads === 'number' ? threads : null;
  return {
    ref,
    model:
      described instanceof QuantscopeError
        ? {
            label: ref,
            architecture: null,
            name: null,
            quantization: null,
            parameters: null,
            sizeBytes,
          }
        : {
            label: `${described.model.architecture} ${described.quantization.label}`,
            architecture: described.model.architecture,
            name: described.model.name,
            quantization: described.quantization.label,
            parameters: described.model.parameters,
            sizeBytes,
          },
    config: {
      ...point,
      threads: asked,
      promptThreads: asked,
      threadsBy: typeof threads === 'number' ? 'asked' : threads,
    },
    backend: unavailableBecause('no engine was started'),
    test: {
      name:
        testName({ promptTokens, generationTokens, depth }) +
        (minutes === undefined ? '' : ` ${minutes} min`),
      promptTokens,
      generationTokens,
      depth,
      ...(minutes === undefined ? {} : { minutes }),
    },
    status: 'failed',
    failure: null,
    speed: absent,
    loadMs: absent,
    effectiveBandwidthBytesPerSecond: absent,
    shareOfCopyBandwidth: absent,
    memory: absent,
    onCpu: [],
    speedUp: absent,
  };
}

/** Of minutes of use other speeds are to be expected: the curve tells. */
export function repeated({ model, test, speed, sustained }: BenchRow): Repeated[] {
  return isAvailable(speed) && sustained === undefined
    ? [{ test: `${model.label} ${test.name}`, ...speed }]
    : [];
}

export function failed(row: BenchRow, error: QuantscopeError, session?: EngineSession): BenchRow {
  const message = messageOf(error);
  const absent = unavailableBecause(`this test failed: ${message}`);
  return {
    ...row,
    backend: session?.info.backend ?? row.backend,
    status: 'failed',
    failure: { code: error.code, message },
    speed: absent,
    loadMs: absent,
    effectiveBandwidthBytesPerSecond: absent,
    shareOfCopyBandwidth: absent,
    memory: absent,
    speedUp: absent,
  };
}
