import { isAvailable } from '../schema/availability.ts';
import type { BenchRow } from '../schema/bench.ts';
import type { MachineWarning } from './machine-watch.ts';

/**
 * Tokens that take longer are measured alike by both: on a virtual machine with two cores the call cost 0.2 to 0.5 ms
 * a token, most of it waking the thread that evaluates and starting the threads that help it (bench/parity).
 */
const SHORT_TOKEN_MS = 5;

/**
 * Says when a model is so small that generation is measured slower than llama-bench would: llama-bench evaluates in a
 * loop on threads that it keeps, while node-llama-cpp's binding evaluates a token a call, on threads made for it.
 */
export function callCostWarnings(rows: readonly BenchRow[]): MachineWarning[] {
  const short = rows.flatMap(({ model, test, speed }) => {
    const isGeneration = test.promptTokens === 0 && test.generationTokens > 0;
    if (!isGeneration || !isAvailable(speed) || speed.meanTps * SHORT_TOKEN_MS < 1000) return [];
    return [`${model.label} ${test.name} (${(1000 / speed.meanTps).toFixed(2)} ms a token)`];
  });
  const [first] = short;
  if (first === undefined) return [];
  const others = short.length > 1 ? ` and ${short.length - 1} more` : '';
  return [
    {
      code: 'speed/call-cost',
      message: `llama-bench would show a higher rate for ${first}${others}: each token is a call of its own here, which costs some tenths of a millisecond`,
      hint: 'Compare such small models with each other alone; from 5 ms a token on, the rates are llama-bench’s.',
    },
  ];
}
