// Generation speed through node-llama-cpp as it comes, for worker-pool.ts: the public sequence API, and the binding's
// own calls. Prints tokens a second as JSON.
import { getLlama } from 'node-llama-cpp';

const [path, tokenCount, threads] = process.argv.slice(2);
const tokens = Number(tokenCount);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error' });
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({
  contextSize: 512,
  batchSize: 512,
  threads: Number(threads),
  flashAttention: true,
});
const bos = model.tokens.bos ?? 1;
const sequence = context.getSequence();

async function throughSequence() {
  await sequence.clearHistory();
  const started = process.hrtime.bigint();
  let left = tokens;
  for await (const _ of sequence.evaluate([bos], { temperature: 0, yieldEogToken: true }))
    if (--left === 0) break;
  return tokens / (Number(process.hrtime.bigint() - started) / 1e9);
}

async function throughBinding() {
  const native = context._ctx;
  native.disposeSequence(0);
  const started = process.hrtime.bigint();
  for (let i = 0; i < tokens; i++) {
    native.initBatch(1);
    native.addToBatch(0, i, Uint32Array.of(bos + (i % 5)), Uint32Array.of(0));
    await native.decodeBatch();
  }
  return tokens / (Number(process.hrtime.bigint() - started) / 1e9);
}

// The same warm-up as the other side: a prompt of a whole batch.
await sequence.evaluateWithoutGeneratingNewTokens(Array.from({ length: 511 }, (_, i) => 1 + (i % 500)));
await throughSequence();
await throughBinding();
process.stdout.write(JSON.stringify({ session: await throughSequence(), raw: await throughBinding() }));
