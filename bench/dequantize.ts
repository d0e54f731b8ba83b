/**
 * Speed of the dequantizers on one core, on blocks of random bytes with sound scales, by pieces that stay in the
 * processor's cache as they do when a file is streamed. The best of many passes.
 *
 *     npx tsx bench/dequantize.ts
 */
import { dequantizerOf, layoutOf, TENSOR_TYPE_NAMES } from '../src/gguf/index.ts';
import { seededRandom } from './mutate.ts';

const PIECE_BYTES = 64 * 1024;
const PASSES = 400;
const random = seededRandom(1);

for (const type of TENSOR_TYPE_NAMES) {
  const dequantize = dequantizerOf(type);
  if (dequantize === undefined) continue;
  const { blockBytes, blockElements } = layoutOf(type);
  const count = Math.floor(PIECE_BYTES / blockBytes);
  // 0 to 59 in every byte keeps a half finite wherever it stands: NaN and subnormals have speeds of their own.
  const blocks = Uint8Array.from({ length: count * blockBytes }, () => random() % 60);
  const values = new Float32Array(count * blockElements);
  let bestMs = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass < PASSES; pass++) {
    const started = performance.now();
    dequantize(blocks, values);
    bestMs = Math.min(bestMs, performance.now() - started);
  }
  const gigabytes = blocks.length / bestMs / 1e6;
  const nanoseconds = (bestMs * 1e6) / values.length;
  process.stdout.write(
    `${type.padEnd(8)} ${gigabytes.toFixed(2)} GB/s  ${nanoseconds.toFixed(2)} ns a weight\n`,
  );
}
