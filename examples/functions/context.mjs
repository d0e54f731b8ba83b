// How memory grows with the context: node context.mjs nano:Q2_K
import { measureContext } from 'quantscope';
import { host, say } from './host.mjs';

const [ref] = process.argv.slice(2);
const { rows } = await measureContext(ref, {
  ...host,
  sizes: [128, 256],
  accuracy: false,
  repetitions: 1,
  generate: 4,
  threads: 1,
  gpu: 'off',
});
for (const { contextSize, cacheType, measured } of rows) {
  say(`${contextSize} ${cacheType}: ${measured.contextBytes ?? JSON.stringify(measured)}`);
}
