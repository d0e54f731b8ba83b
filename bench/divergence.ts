/**
 * Processor time of the divergence's arithmetic alone, for as many positions as the embedded family has: 29 chunks of
 * 255 positions, 1,541 tokens each, three candidates against a reference.
 *
 *     npx tsx bench/divergence.ts
 */
import { chunkDivergence, DivergenceAccumulator } from '../src/measure/divergence.ts';
import type { FullPositions } from '../src/measure/position-data.ts';

const [POSITIONS, CHUNKS, VARIANTS, VOCABULARY] = [255, 29, 3, 1541];

/** A chunk of smooth made-up distributions. */
function model(seed: number): FullPositions {
  const logProbs = new Float32Array(POSITIONS * VOCABULARY);
  const nextLogProb = new Float64Array(POSITIONS);
  for (let position = 0; position < POSITIONS; position++) {
    const row = logProbs.subarray(position * VOCABULARY, (position + 1) * VOCABULARY);
    for (let token = 0; token < VOCABULARY; token++)
      row[token] = 6 * Math.sin(seed + position * 31.7 + token * token);
    const logSum = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
    for (let token = 0; token < VOCABULARY; token++) row[token] = (row[token] ?? 0) - logSum;
    nextLogProb[position] = row[position] ?? 0;
  }
  return {
    kind: 'full',
    positions: POSITIONS,
    vocabularySize: VOCABULARY,
    logProbs,
    nextLogProb,
    topToken: new Uint32Array(POSITIONS),
  };
}

const [reference, candidate] = [model(0), model(0.1)];
for (let round = 1; round <= 3; round++) {
  const started = process.cpuUsage();
  for (let variant = 0; variant < VARIANTS; variant++) {
    const accumulator = new DivergenceAccumulator();
    for (let chunk = 0; chunk < CHUNKS; chunk++) accumulator.add(chunkDivergence(reference, candidate));
    accumulator.finish();
  }
  const { user, system } = process.cpuUsage(started);
  process.stdout.write(
    `${((user + system) / 1e6).toFixed(2)} s of processor time for ${VARIANTS} candidates\n`,
  );
}
