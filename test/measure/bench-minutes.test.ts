import { describe, expect, it } from 'vitest';
import { describeMachine } from '../../src/machine/describe.ts';
import { watchMachine } from '../../src/machine/watch.ts';
import type { BenchPlan } from '../../src/measure/bench-plan.ts';
import { runBench } from '../../src/measure/bench-run.ts';
import type { BenchResults } from '../../src/schema/bench.ts';
import type { QuantscopeError } from '../../src/util/errors.ts';
import { fakeEngine } from '../helpers/fake-engine.ts';

/** Orders of events and failures: the fake engine computes nothing, and its speeds are none. */
function planOf(minutes: number): BenchPlan {
  const model = {
    ref: 'model',
    path: 'model',
    sizeBytes: 1,
    described: {
      model: { architecture: 'llama', name: 'model', parameters: 1 },
      quantization: { label: 'Q4_0' },
    } as unknown as Exclude<BenchPlan['models'][number]['described'], QuantscopeError>,
    kvBytesPerToken: () => 1,
    leftToCpu: () => [],
  };
  const point = {
    gpu: 'off',
    gpuLayers: 0,
    threads: 1,
    batchSize: 16,
    keyType: 'f16',
    valueType: 'f16',
    flashAttention: 'auto',
  } as const;
  const tests = [{ promptTokens: 8, generationTokens: 16, depth: 0 }];
  return { models: [model], points: [point], tests, repetitions: 1, minutes, seed: 1, toolVersion: '0' };
}

async function broken(
  by: (end: { readonly abort: () => void; readonly fail: () => void }) => void,
): Promise<{ readonly kept: BenchResults | undefined; readonly thrown: unknown }> {
  const interruption = new AbortController();
  let isFailing = false;
  const end = {
    abort: () => interruption.abort(new Error('stopped')),
    fail: () => {
      isFailing = true;
    },
  };
  let kept: BenchResults | undefined;
  const machine = describeMachine();
  try {
    await runBench(planOf(0.5), {
      startEngine: fakeEngine({
        failure: (_, method) => (isFailing && method === 'timeTest' ? 'engine/crashed' : undefined),
      }),
      callTimeoutMs: 1000,
      machine,
      watch: await watchMachine(machine.cores),
      now: () => new Date(),
      signal: interruption.signal,
      // The speed is told from the first window of the curve on.
      onStep: ({ what, generationTps }) => {
        if (what === 'test' && typeof generationTps === 'number') by(end);
      },
      onRow: async (_, results) => {
        kept = results;
      },
    });
    return { kept, thrown: null };
  } catch (thrown) {
    return { kept, thrown };
  }
}

describe('a bench of minutes that does not get to its end', () => {
  it('keeps the curve until it was stopped, and throws the reason', async () => {
    const { kept, thrown } = await broken(({ abort }) => abort());
    expect(thrown).toHaveProperty('message', 'stopped');
    const [row] = kept?.rows ?? [];
    expect(row?.status).toBe('ok');
    expect(row?.sustained).toMatchObject({ isStopped: true, minutes: 0.5, cooledS: 0 });
    expect(row?.sustained?.windows.length).toBe(1);
    expect(row?.memory).toEqual({ status: 'unavailable', reason: 'the run was stopped' });
  });

  it('is a failed row with the curve until the engine ended', async () => {
    const { kept, thrown } = await broken(({ fail }) => fail());
    expect(thrown).toBeNull();
    const [row] = kept?.rows ?? [];
    expect(row?.failure?.code).toBe('engine/crashed');
    expect(row?.speed).toHaveProperty('status', 'unavailable');
    expect(row?.sustained?.isStopped).toBe(true);
    expect(row?.sustained?.windows.length).toBeGreaterThan(0);
  });
});
