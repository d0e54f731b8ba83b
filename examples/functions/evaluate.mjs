// What a quantization loses of a text: node evaluate.mjs nano:F16 nano:Q2_K
import { evaluate } from 'quantscope';
import { host, say } from './host.mjs';

const results = await evaluate(process.argv.slice(2), { ...host, only: ['text'], chunks: 2, threads: 1 });
for (const { name, perplexity } of results.variants)
  say(`${name}: perplexity ${perplexity.value} ± ${perplexity.stderr}`);
