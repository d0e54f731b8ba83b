import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startEngineProcess } from '../../dist/index.js';
import type { GenerationRequest, GenerationStep, Sampling } from '../../src/engine/replies.ts';
import { nanoPath } from '../helpers/nano.ts';

const greedy: Sampling = {
  temperature: 0,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  repeatPenalty: 1,
  repeatLastTokens: 64,
  seed: 1,
};

async function opened(contextSize = 256) {
  const session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 60_000 });
  const model = await session.loadModel({ path: nanoPath('Q8_0'), gpuLayers: 'max' });
  await session.openContext({
    contextSize,
    sequences: 1,
    batchSize: 64,
    threads: 1,
    flashAttention: 'auto',
    keyType: 'f16',
    valueType: 'f16',
  });
  const bos = model.bosToken ?? 0;
  const promptOf = async (text: string) => Uint32Array.of(bos, ...(await session.tokenize(text, true)));
  const reply = async (
    prompt: Uint32Array,
    changes: Partial<GenerationRequest> = {},
    signal?: AbortSignal,
  ) => {
    const steps: GenerationStep[] = [];
    const generation = await session.generate(
      { prompt, maxTokens: 24, sampling: greedy, stopTexts: [], candidates: 0, ...changes },
      { onStep: (step) => steps.push(step), ...(signal === undefined ? {} : { signal }) },
    );
    return { ...generation, steps };
  };
  return { session, promptOf, reply };
}

const STORY = 'Once upon a time there was a small village where';

describe('generation', () => {
  it('gives greedily what the batched completions give', async () => {
    const { session, promptOf, reply } = await opened();
    await using _ = session;
    const prompt = await promptOf(STORY);
    const { tokens, text, steps } = await reply(prompt);
    const [completion] = await session.complete([{ prompt, maxTokens: 24 }]);
    expect(Array.from(tokens)).toEqual(Array.from(completion?.tokens ?? []));
    expect(steps.map((step) => step.token)).toEqual(Array.from(tokens));
    expect(steps.map((step) => step.text).join('')).toBe(text);
    expect(text.trim()).toBe(completion?.text.trim());
  });

  it('evaluates of a second turn only what is new, with the same result as from nothing', async () => {
    const { session, promptOf, reply } = await opened();
    await using _ = session;
    const first = await promptOf(STORY);
    const { tokens, cachedTokens } = await reply(first);
    expect(cachedTokens).toBe(0);
    const more = await session.tokenize(' and then', true);
    const second = Uint32Array.of(...first, ...tokens, ...more);
    const continued = await reply(second);
    // The last token of the reply was sampled but never evaluated.
    expect(continued.cachedTokens).toBe(first.length + tokens.length - 1);
    await session.timeFirstToken(Uint32Array.of(5, 6, 7));
    const anew = await reply(second);
    expect(anew.cachedTokens).toBe(0);
    expect(anew.text).toBe(continued.text);
  });

  it('shows the most likely tokens with the model’s own probabilities, the greedy choice first', async () => {
    const { session, promptOf, reply } = await opened();
    await using _ = session;
    const prompt = await promptOf(STORY);
    const { steps } = await reply(prompt, { candidates: 5, maxTokens: 4 });
    for (const { candidates, token } of steps) {
      expect(candidates).toHaveLength(5);
      expect(candidates[0]?.token).toBe(token);
      const shares = candidates.map(({ probability }) => probability);
      expect(shares).toEqual([...shares].sort((a, b) => b - a));
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(1 + 1e-6);
    }
    // The same as scoring says of the position.
    const scores = await session.score({
      tokens: Uint32Array.of(...prompt, steps[0]?.token ?? 0),
      firstScored: prompt.length - 1,
      want: { kind: 'next' },
    });
    expect(Math.log(steps[0]?.candidates[0]?.probability ?? 0)).toBeCloseTo(scores.nextLogProb[0] ?? 0, 4);
  });

  it('draws the same with the same seed and something else with another', async () => {
    const { session, promptOf, reply } = await opened();
    await using _ = session;
    const prompt = await promptOf(STORY);
    const drawn = async (seed: number) =>
      (await reply(prompt, { sampling: { ...greedy, temperature: 1.5, topK: 0, topP: 1, minP: 0, seed } }))
        .text;
    expect(await drawn(7)).toBe(await drawn(7));
    expect(new Set([await drawn(1), await drawn(2), await drawn(3)]).size).toBeGreaterThan(1);
  });

  it('ends before a stop text and never tells a part of it', async () => {
    const { session, promptOf, reply } = await opened();
    await using _ = session;
    const prompt = await promptOf(STORY);
    const whole = await reply(prompt);
    const stopText = whole.text.slice(10, 16);
    const { text, stop, steps } = await reply(prompt, { stopTexts: [stopText] });
    expect(stop).toBe('stop-text');
    expect(text).toBe(whole.text.slice(0, whole.text.indexOf(stopText)));
    expect(steps.map((step) => step.text).join('')).toBe(text);
  });

  it('ends where the context is full, and refuses a prompt that leaves no room', async () => {
    const { session, promptOf, reply } = await opened(256);
    await using _ = session;
    const prompt = await promptOf(`${STORY} `.repeat(20));
    expect(prompt.length).toBeLessThan(256);
    const { stop, tokens } = await reply(prompt, {
      maxTokens: 1000,
      sampling: { ...greedy, temperature: 2 },
    });
    if (stop === 'context-full') expect(tokens.length).toBe(256 - prompt.length + 1);
    else expect(stop).toBe('end');
    await expect(reply(new Uint32Array(256).fill(5))).rejects.toMatchObject({
      code: 'engine/evaluation-failed',
    });
  });

  it('stops when asked, keeps what it has, and goes on with the next call', async () => {
    const { session, promptOf, reply } = await opened();
    await using _ = session;
    const prompt = await promptOf(STORY);
    const stop = new AbortController();
    const streamed: GenerationStep[] = [];
    const generation = await session.generate(
      { prompt, maxTokens: 200, sampling: { ...greedy, temperature: 1.2 }, stopTexts: [], candidates: 0 },
      {
        signal: stop.signal,
        onStep: (step) => {
          streamed.push(step);
          if (streamed.length === 2) stop.abort();
        },
      },
    );
    expect(['aborted', 'end']).toContain(generation.stop);
    expect(generation.tokens.length).toBe(streamed.length);
    expect((await reply(prompt)).tokens.length).toBeGreaterThan(0);
  });

  it('stops in the middle of a long prompt, at once, and goes on with the next call', async () => {
    const { session, promptOf, reply } = await opened();
    await using _ = session;
    await session.openContext({
      contextSize: 32_768,
      sequences: 1,
      batchSize: 2048,
      threads: 1,
      flashAttention: 'auto',
      keyType: 'f16',
      valueType: 'f16',
    });
    // Minutes of work, a second or more a batch.
    const long = Uint32Array.from({ length: 32_000 }, (_, i) => 300 + (i % 1000));
    const stop = new AbortController();
    const stopped = reply(long, {}, stop.signal);
    await setTimeout(1500);
    const asked = performance.now();
    stop.abort();
    const { stop: why, tokens } = await stopped;
    expect(performance.now() - asked).toBeLessThan(2000);
    expect(why).toBe('aborted');
    expect(tokens).toHaveLength(0);
    const short = await promptOf(STORY);
    expect(await reply(short)).toMatchObject({ cachedTokens: 0 });
  });
});
