import { boundedStart } from '../util/bounded-text.ts';
import { EngineError } from './errors.ts';

/**
 * llama.cpp compares the name of each tensor with all before it: a second at this many, half a minute at four times as
 * many. The largest models have some two thousand in a file.
 */
const MOST_TENSORS = 16_384n;
/** Magic, version, tensor count. */
const FIXED_BYTES = 16;
const COUNT_AT = 8;

/**
 * Refuses a file that llama.cpp would take long over before it says anything, and could not be stopped meanwhile.
 * Whatever else is wrong with it is for llama.cpp to say.
 * @throws EngineError `engine/load-failed`
 */
export async function refuseEndlessTensors(path: string): Promise<void> {
  const start = await boundedStart(path, FIXED_BYTES).catch(() => Buffer.alloc(0));
  if (start.length < FIXED_BYTES || start.toString('latin1', 0, 4) !== 'GGUF') return;
  const count = start.readBigUInt64LE(COUNT_AT);
  if (count <= MOST_TENSORS) return;
  throw new EngineError(
    'engine/load-failed',
    `${path} has ${count} tensors, more than the ${MOST_TENSORS} that llama.cpp reads in reasonable time`,
    { hint: 'No known model has so many. See what they are: quantscope inspect FILE --tensors' },
  );
}
