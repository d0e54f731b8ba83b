// How fast it is, row by row as they end: node bench.mjs nano:Q2_K
import { bench } from 'quantscope';
import { host, say } from './host.mjs';

const { rows, warnings } = await bench(process.argv.slice(2), {
  ...host,
  prompt: [16],
  generate: [4],
  repetitions: 2,
  threads: [1],
  gpu: ['off'],
  onRow: async ({ test, speed }) => say(`${test.name}: ${speed.meanTps} tokens/s`),
});
say(`${rows.length} rows, ${warnings.length} warnings`);
