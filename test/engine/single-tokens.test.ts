import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Context } from '../../src/engine/context.ts';
import { loadLlamaCpp } from '../../src/engine/llama-cpp/library.ts';
import { Model } from '../../src/engine/model.ts';
import { ProblemLog } from '../../src/engine/problem-log.ts';
import { SingleTokens } from '../../src/engine/single-tokens.ts';
import { nanoPath } from '../helpers/nano.ts';

const name = `${process.platform}-${process.arch}`;
const folder = join(import.meta.dirname, '../../node_modules/@node-llama-cpp', name, 'bins', name);

it.skipIf(process.platform !== 'linux')(
  'leaves the logits of tokens that were evaluated call by call, at each token, after others, and anew',
  async () => {
    const llamaCpp = loadLlamaCpp({ folder, cpuOnly: true, onLog: () => {} });
    const { api } = llamaCpp;
    const log = new ProblemLog();
    const model = await Model.load(llamaCpp, { path: nanoPath('Q4_K_M'), gpuLayers: 0 }, false);
    if (model === null) throw new Error('no model');
    const context = await Context.open(llamaCpp, log, model, {
      contextSize: 256,
      sequences: 1,
      batchSize: 512,
      threads: 1,
      flashAttention: 'auto',
      keyType: 'f16',
      valueType: 'f16',
    });
    if (context === null) throw new Error('no context');
    const single = SingleTokens.open(llamaCpp, model, context);
    if (single === null) throw new Error('no second context');

    const tokens = Uint32Array.from({ length: 45 }, (_, i) => (i === 0 ? 1 : 300 + ((i * 37) % 1000)));
    const rowBytes = model.facts.vocabularySize * 4;
    const called = [...tokens].map((token) => {
      context.evaluateOne(token);
      return context.lastRow().slice();
    });
    /** Of the last call's outputs, that many from its end. */
    const ofSingle = (fromEnd: number) => {
      const address = api.llama_get_logits_ith(single.pointer, -fromEnd);
      if (address === null) throw new Error('no logits');
      return new Float32Array(llamaCpp.view(address, rowBytes)).slice();
    };

    for (const depth of [0, 20]) {
      single.begin(tokens.subarray(0, depth));
      single.evaluate(tokens.subarray(depth));
      // 45 and 25 tokens end with a call of 13 and of 9.
      for (let fromEnd = 1; fromEnd <= 9; fromEnd++) {
        expect(ofSingle(fromEnd)).toEqual(called.at(-fromEnd));
      }
    }
    single.free();
    context.free();
    model.free();
  },
);
