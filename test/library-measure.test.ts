import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  bench,
  checkKitResults,
  compare,
  doctor,
  engineBuilds,
  evaluate,
  makeKit,
  measureContext,
  openRunSession,
  type Progress,
  runPrompt,
  UsageError,
} from '../dist/index.js';
import { scratchFolder } from './helpers/cli.ts';

describe('the library, where it measures', () => {
  it('compares with results so far, progress, and the signal that ends it', async () => {
    const soFar: number[] = [];
    const seen: Progress[] = [];
    const request = { only: ['size', 'accuracy'], chunks: 2, context: 64, threads: 1, gpu: 'off' } as const;
    const results = await compare(['nano:Q8_0', 'nano:Q2_K'], {
      ...request,
      tasks: 'fixtures/nano/tasks.jsonl',
      quick: true,
      progress: (event) => seen.push(event),
      onResults: async ({ variants }) => void soFar.push(variants.length),
    });
    expect(results.reference).toBe('Q8_0');
    expect(results.variants.map(({ name, status }) => [name, status])).toEqual([
      ['Q8_0', 'ok'],
      ['Q2_K', 'ok'],
    ]);
    expect(results.variants[1]?.divergence).toMatchObject({ meanKld: expect.any(Number) });
    expect(soFar.length).toBeGreaterThan(2);
    expect(seen[0]).toMatchObject({ kind: 'idle' });
    expect(seen.find(({ kind }) => kind === 'plan')).toMatchObject({ subjects: ['Q8_0', 'Q2_K'] });
    expect(seen.filter(({ kind }) => kind === 'end')).toEqual([
      { kind: 'end', subject: 'Q8_0', failure: null },
      { kind: 'end', subject: 'Q2_K', failure: null },
    ]);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(compare(['nano:Q2_K'], { ...request, signal })).rejects.toThrow('enough');
    await expect(compare(['nano:Q2_K'], { reference: 'Q9_K' })).rejects.toMatchObject({
      code: 'compare/no-reference',
    });
  });

  it('evaluates against a reference and refuses what does not go together', async () => {
    const { variants, reference } = await evaluate(['nano:Q8_0', 'nano:Q2_K'], {
      only: ['text'],
      chunks: 2,
      context: 64,
      threads: 1,
      gpu: 'off',
    });
    expect(reference).toBe('Q8_0');
    const [precise, coarse] = variants;
    expect(precise?.perplexity).toMatchObject({ value: expect.any(Number) });
    expect(coarse?.divergence).toMatchObject({ meanKld: expect.any(Number) });
    await expect(evaluate(['nano'], { model: 'phi3' })).rejects.toMatchObject({ code: 'usage/endpoint' });
  });

  it('says how far the minutes of a test are; the time that is left is of all tests', async () => {
    const stages: string[] = [];
    await bench(['nano:Q2_K'], {
      prompt: [8],
      generate: [8],
      threads: [1],
      gpu: ['off'],
      minutes: 0.02,
      progress: (event) => event.kind === 'step' && void stages.push(event.stage),
    });
    expect(stages).toContainEqual(expect.stringMatching(/^pp8\+tg8 0\.02 min, \S+ t\/s, .+ of 1\.2 s$/));
    expect(stages.join('\n')).not.toContain('left');
  });

  it('times tests row by row', async () => {
    const rows: string[] = [];
    const pieces: unknown[] = [];
    const { rows: all } = await bench(['nano:Q2_K'], {
      prompt: [16],
      generate: [4],
      repetitions: 1,
      threads: [1],
      gpu: ['off'],
      progress: (event) => event.kind === 'step' && pieces.push(event.piece),
      onRow: async ({ test }) => void rows.push(test.name),
    });
    expect(all.map(({ test, status }) => [test.name, status])).toEqual([
      ['pp16', 'ok'],
      ['tg4', 'ok'],
    ]);
    expect(rows).toEqual(['pp16', 'tg4']);
    expect(pieces).toContainEqual([2, 2]);
    await expect(bench(['nano'], { prompt: [0], generate: [0] })).rejects.toMatchObject({
      code: 'bench/no-tests',
    });
  });

  it('measures a context, and takes one model alone', async () => {
    const { rows, model } = await measureContext('nano:Q2_K', {
      sizes: [64],
      cacheTypes: ['f16'],
      accuracy: false,
      generate: 2,
      threads: 1,
      gpu: 'off',
    });
    expect(model.quantization).toBe('Q2_K');
    expect(rows.map(({ contextSize, cacheType, failure }) => [contextSize, cacheType, failure])).toEqual([
      [64, 'f16', null],
    ]);
    await expect(measureContext('nano')).rejects.toMatchObject({ code: 'context/several' });
    await expect(measureContext('nano:Q2_K', { sizes: [1e6] })).rejects.toMatchObject({
      code: 'context/too-large',
    });
  });

  it('replies as it goes, and again from a session that stays open', async () => {
    const request = { greedy: true, maxTokens: 8, threads: 1, gpu: 'off' } as const;
    let text = '';
    const { reply, timings, trace } = await runPrompt('nano:Q4_K_M', 'What is 3 plus 4?', {
      ...request,
      trace: true,
      candidates: 2,
      onText: (piece) => {
        text += piece;
      },
    });
    expect(text).toBe(reply.text);
    expect(timings.predicted_n).toBe(reply.tokens.length);
    expect(trace?.steps[0]?.candidates).toHaveLength(2);
    await using session = await openRunSession('nano:Q4_K_M', request);
    const { tokens } = await session.promptOf([{ role: 'user', content: 'What is 3 plus 4?' }]);
    const again = await session.reply(
      tokens,
      {
        sampling: {
          temperature: 0,
          topK: 0,
          topP: 1,
          minP: 0,
          repeatPenalty: 1,
          repeatLastTokens: 0,
          seed: 1,
        },
        maxTokens: 8,
        stopTexts: [],
        candidates: 0,
      },
      () => {},
    );
    expect(again.text).toBe(reply.text);
    await expect(runPrompt('nano', 'hi')).rejects.toMatchObject({ code: 'run/several' });
  });

  it('makes a kit, and reads what a phone returned', async () => {
    const { golden, files, plan } = await makeKit('nano:Q2_K', {
      device: 'galaxy-s23',
      backend: 'cpu',
      threads: 1,
    });
    expect(JSON.parse(files['golden.json'])).toEqual(JSON.parse(JSON.stringify(golden)));
    expect(files['llama-rn.ts']).toContain('Nano Phi-3 Q2_K');
    expect(plan.backend).toBe('cpu');
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('results.json'), files['golden.json']);
    await expect(checkKitResults(scratch.path('results.json'))).rejects.toMatchObject({
      code: 'kit/invalid',
    });
    await expect(makeKit('nano:Q2_K', { device: 'no-such-phone' })).rejects.toMatchObject({
      code: 'device/unknown',
    });
  });

  it('looks at the machine and its engine', async () => {
    const broken = new UsageError('config/invalid', 'a config file is broken');
    const report = await doctor({ hub: false, configFiles: () => Promise.reject(broken) });
    expect(report.checks.find(({ id }) => id === 'config')).toMatchObject({
      status: 'failed',
      message: 'a config file is broken',
    });
    expect(report.canMeasure).toBe(false);
    expect(report.engine.inUse).toMatchObject({ name: expect.any(String) });
    const { inUse, builds } = await engineBuilds();
    expect(inUse).toMatchObject({ info: { llamaCpp: expect.any(String) } });
    expect(builds.prebuilt).toBeDefined();
  });
});
