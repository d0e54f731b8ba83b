import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { EngineSession, LoadedModel } from '../../src/engine/engine.ts';
import { engineStarter } from '../../src/engine/index.ts';
import { parseChoices } from '../../src/measure/choice-file.ts';
import { tokenizeChoices, tokensOf } from '../../src/measure/choice-tokens.ts';
import { shownChoice, withExamples } from '../../src/measure/few-shot.ts';
import { questionsOf } from '../helpers/choice-files.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

// lm-evaluation-harness itself: its tasks, requests, tokens and measures, on logits of the same model.
const python = process.env['QUANTSCOPE_LM_EVAL'];
const peer = fileURLToPath(new URL('../../bench/harness/peer.py', import.meta.url));
const logits = fileURLToPath(new URL('../../bench/harness/logits.ts', import.meta.url));
const questions = questionsOf('nano', 24);
const LETTERS = ['A', 'B', 'C', 'D'];

const FILES: Readonly<Record<string, readonly object[]>> = {
  hellaswag: questions.map(({ prompt, choices, answer }) => ({
    activity_label: 'Quiz [substeps]',
    ctx_a: prompt,
    ctx_b: 'the Answer [title]',
    endings: choices.map((choice) => `is  ${choice}`),
    label: `${answer}`,
  })),
  arc_easy: questions.map(({ prompt, choices, answer }) => ({
    question: prompt,
    choices: { text: choices, label: LETTERS },
    answerKey: LETTERS[answer],
  })),
  mmlu_abstract_algebra: questions.map(({ prompt, choices, answer }) => ({
    question: ` ${prompt} `,
    subject: 'abstract_algebra',
    choices,
    answer,
  })),
  winogrande: questions.map(({ choices }, i) => ({
    sentence: `${choices[0]} met ${choices[1]} because _ wanted to sell a scarf.`,
    option1: choices[0],
    option2: choices[1],
    answer: `${(i % 2) + 1}`,
  })),
};

let engine: { readonly session: EngineSession; readonly model: LoadedModel } | undefined;
afterAll(() => engine?.session[Symbol.asyncDispose]());

async function nano() {
  if (engine !== undefined) return engine;
  const session = await engineStarter()({ gpu: 'off', callTimeoutMs: 60_000 });
  engine = { session, model: await session.loadModel({ path: nanoPath('F16'), gpuLayers: 0 }) };
  return engine;
}

describe.skipIf(python === undefined)(
  'beside lm-evaluation-harness (QUANTSCOPE_LM_EVAL names its Python)',
  () => {
    const cases = Object.keys(FILES).flatMap((task) => [0, 2].map((shots) => ({ task, shots })));
    it.for(cases)(
      '$task after $shots examples: same sums, acc and acc_norm',
      { timeout: 300_000 },
      async ({ task, shots }) => {
        await using scratch = await scratchFolder();
        const file = scratch.path('items.jsonl');
        const lines = (FILES[task] ?? []).map((line) => JSON.stringify(line)).join('\n');
        await writeFile(file, lines);
        const all = parseChoices(Buffer.from(lines), file);
        const asked = all.slice(shots);
        const items = shots === 0 ? asked : withExamples(asked, all, shots, file, shownChoice);
        const { session, model } = await nano();
        const tokenized = await tokenizeChoices(session, model, items, null);
        await session.openContext({
          contextSize: Math.max(512, ...tokenized.flatMap(({ parts }) => parts.map(tokensOf))),
          sequences: 4,
          shared: true,
          batchSize: 512,
          threads: 1,
          flashAttention: 'auto',
          keyType: 'f16',
          valueType: 'f16',
        });
        const own = [];
        for (const [index, { parts, chosen }] of tokenized.entries()) {
          const scores = await session.scoreContinuations(parts.map((part) => [part]));
          const { acc, acc_norm } = chosen(scores);
          const answer = items[index]?.answer;
          const sums = scores.flat().map((each) => each.reduce((sum, value) => sum + value, 0));
          own.push({ acc: Number(acc === answer), acc_norm: Number(acc_norm === answer), sums });
        }
        const command = [process.execPath, '--import', 'tsx', logits, nanoPath('F16')];
        const { stdout, stderr } = spawnSync(python ?? '', [peer, task, file, `${shots}`, ...command], {
          encoding: 'utf8',
          env: { ...process.env, HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1', HF_HOME: scratch.path('hf') },
        });
        const theirs = stdout
          .trim()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line));
        expect(theirs, stderr).toHaveLength(own.length);
        for (const [index, { acc, acc_norm, sums }] of theirs.entries()) {
          // A batch of several answers is computed in another order than each by itself.
          for (const [i, sum] of sums.entries()) expect(own[index]?.sums[i]).toBeCloseTo(sum, 1.4);
          expect(own[index]?.acc).toBe(acc);
          if (acc_norm !== undefined) expect(own[index]?.acc_norm).toBe(acc_norm);
        }
      },
    );
  },
);
