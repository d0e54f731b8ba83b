import type { RunResult, Timings } from '../schema/run.ts';
import { counted, formatCount } from '../util/units.ts';

type StopReason = RunResult['reply']['stop'];

/** A reply's timings in a line: what the prompt took, what the reply took, and why it ended if not by itself. */
export function describeTimings(timings: Timings, stop: StopReason, contextSize: number): string {
  const { prompt_n, prompt_ms, prompt_per_second, cache_n, predicted_n, predicted_ms, predicted_per_second } =
    timings;
  const cached = cache_n > 0 ? ` (${formatCount(cache_n)} more were in the cache)` : '';
  const prompt = `prompt ${counted(prompt_n, 'token')}${cached} in ${duration(prompt_ms)}, ${rate(prompt_per_second)}`;
  const reply = `reply ${counted(predicted_n, 'token')} in ${duration(predicted_ms)}, ${rate(predicted_per_second)}`;
  const ended = whyEnded(stop, contextSize);
  return `${prompt}; ${reply}${ended === '' ? '' : `; ${ended}`}`;
}

/** Where it ran, when that is not the CPU that was asked for. */
export function describeBackend({ backend, devices, gpuFallback }: RunResult['engine']): string {
  if (backend !== 'cpu') return `; on ${backend} (${devices.join(', ')})`;
  return gpuFallback === undefined ? '' : `; --gpu auto took the CPU: ${gpuFallback}`;
}

function whyEnded(stop: StopReason, contextSize: number): string {
  switch (stop) {
    case 'end':
    case 'stop-text':
      return '';
    case 'length':
      return 'ended by --max-tokens';
    case 'context-full':
      return `the context of ${formatCount(contextSize)} tokens is full: --context makes it larger`;
    case 'aborted':
      return 'stopped';
  }
}

function duration(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function rate(perSecond: number): string {
  return `${perSecond >= 100 ? formatCount(Math.round(perSecond)) : perSecond.toFixed(1)} tokens/s`;
}
