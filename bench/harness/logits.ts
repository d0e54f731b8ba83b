import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { engineStarter } from '../../src/engine/index.ts';
import { rowBytes } from '../../src/engine/logit-rows.ts';

/**
 * Tokens and raw logits of a model for another program, a JSON line in and out: {"text": ...} is tokenized, BOS before
 * it where the model wants one; {"tokens": [...], "first": n} gives the logits of positions n to the last but one, as
 * float32 in base64.
 */
const [path = ''] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'quantscope-logits-'));
const file = join(folder, 'rows');
closeSync(openSync(file, 'w'));
const session = await engineStarter()({ gpu: 'off', callTimeoutMs: 600_000 });
const model = await session.loadModel({ path, gpuLayers: 0 });
await session.openContext({
  contextSize: 2048,
  sequences: 1,
  batchSize: 2048,
  threads: 1,
  flashAttention: 'auto',
  keyType: 'f16',
  valueType: 'f16',
});
const stride = rowBytes('float32', model.vocabularySize);
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line) as { text?: string; tokens?: number[]; first?: number };
  if (asked.text !== undefined) {
    const tokens = [...(await session.tokenize(asked.text, false))];
    const bos = model.addsBos && model.bosToken !== null ? [model.bosToken] : [];
    process.stdout.write(`${JSON.stringify([...bos, ...tokens])}\n`);
    continue;
  }
  const { tokens = [], first = 0 } = asked;
  const rows = { path: file, form: 'float32', offsetBytes: 0 } as const;
  await session.score({
    tokens: Uint32Array.from(tokens),
    firstScored: first,
    want: { kind: 'write', rows },
  });
  const all = readFileSync(file);
  // A row begins with the ln of its sum, which the other program finds by itself.
  const logits = Array.from({ length: tokens.length - 1 - first }, (_, i) =>
    all.subarray(i * stride + 8, i * stride + 8 + 4 * model.vocabularySize),
  );
  process.stdout.write(`${Buffer.concat(logits).toString('base64')}\n`);
}
await session[Symbol.asyncDispose]();
rmSync(folder, { recursive: true });
