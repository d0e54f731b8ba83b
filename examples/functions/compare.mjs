// Which variant to ship: node compare.mjs nano:F16 nano:Q2_K
import { compare } from 'quantscope';
import { host, say } from './host.mjs';

const refs = process.argv.slice(2);
const { variants, recommendation } = await compare(refs, {
  ...host,
  only: ['size', 'accuracy'],
  quick: true,
  chunks: 2,
  threads: 1,
});
for (const { name, file, divergence } of variants)
  say(`${name}: ${file.bytes} bytes, KLD ${divergence.meanKld ?? divergence.reason}`);
say(`ship: ${recommendation.variant ?? recommendation.reason}`);
