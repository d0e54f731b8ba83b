import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startEngineProcess } from '../../dist/index.js';
import type { EngineSession } from '../../src/engine/engine.ts';
import type { ScoreRequest, Scores } from '../../src/engine/scores.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

const context = {
  contextSize: 512,
  sequences: 1,
  batchSize: 512,
  threads: 1,
  flashAttention: 'auto',
  keyType: 'f16',
  valueType: 'f16',
} as const;
const start = (signal?: AbortSignal, callTimeoutMs = 60_000) =>
  startEngineProcess({ gpu: 'off', callTimeoutMs, ...(signal ? { signal } : {}) });

/** A chunk of plausible tokens: BOS and a run through the vocabulary. */
const chunk = Uint32Array.from({ length: 512 }, (_, i) => (i === 0 ? 1 : 300 + ((i * 37) % 1000)));

const nothing = new Uint32Array();
const timeGeneration = (session: EngineSession, before: Uint32Array, generated: Uint32Array) =>
  session.timeTest({ before, prompt: nothing, generated });

async function opened(name: string) {
  const session = await start();
  const model = await session.loadModel({ path: nanoPath(name), gpuLayers: 'max' });
  await session.openContext(context);
  return { session, model };
}

describe('the engine process', () => {
  it('says which engine and which llama.cpp it is', async () => {
    await using session = await start();
    expect(session.info).toMatchObject({
      name: 'node-llama-cpp',
      version: '3.22.1',
      backend: 'cpu',
      devices: [],
    });
    expect(session.info.llamaCpp).toMatch(/^(v\d|b\d)/);
  });

  it('loads a model and tells its vocabulary, BOS rule and training context', async () => {
    const { session, model } = await opened('Q8_0');
    await using _ = session;
    expect(model).toMatchObject({ vocabularySize: 1541, bosToken: 1, addsBos: true, trainContextSize: 512 });
    expect(model.loadMs).toBeGreaterThan(0);
  });

  it('scores what it evaluates, the same whichever way it is asked for', async () => {
    await using scratch = await scratchFolder();
    const { session } = await opened('Q4_K_M');
    await using _ = session;
    const firstScored = 256;
    const rows = { path: scratch.path('rows'), form: 'float32', offsetBytes: 4 } as const;
    await writeFile(rows.path, 'head');
    const score = (want: ScoreRequest['want']) => session.score({ tokens: chunk, firstScored, want });
    const next = await score({ kind: 'next' });
    const kept = await score({ kind: 'write', rows });
    const top = await score({ kind: 'top', limit: 1541 });
    const compared = await score({ kind: 'compare', rows });
    if (top.kind !== 'top' || compared.kind !== 'compare') throw new Error('another kind than asked for');

    expect(next.positions).toBe(255);
    for (const { nextLogProb, topToken } of [kept, top, compared]) {
      expect(nextLogProb).toEqual(next.nextLogProb);
      expect(topToken).toEqual(next.topToken);
    }
    expect(compared.kld).toEqual(new Float64Array(255));
    expect(compared.referenceLogProb).toEqual(next.nextLogProb);
    expect(compared.referenceTopToken).toEqual(next.topToken);
    for (let position = 0; position < next.positions; position++) {
      const whole = (array: Uint32Array | Float64Array) =>
        Array.from(array.subarray(position * 1541, (position + 1) * 1541));
      const [tokens, logProbs] = [whole(top.tokens), whole(top.logProbs)];
      expect(logProbs.reduce((sum, logProb) => sum + Math.exp(logProb), 0)).toBeCloseTo(1, 8);
      expect(tokens[0]).toBe(next.topToken[position]);
      const following = tokens.indexOf(chunk[firstScored + position + 1] ?? -1);
      expect(logProbs[following]).toBeCloseTo(next.nextLogProb[position] ?? 0, 7);
    }
  });

  it('compares another model with rows that it kept, as their probabilities say', async () => {
    await using scratch = await scratchFolder();
    const rows = { path: scratch.path('rows'), form: 'float32', offsetBytes: 0 } as const;
    await writeFile(rows.path, '');
    const request = { tokens: chunk, firstScored: 500 };
    const said: Map<number, number>[][] = [];
    const scored: Scores[] = [];
    for (const name of ['F16', 'Q2_K']) {
      const { session } = await opened(name);
      await using _ = session;
      const want = { kind: name === 'F16' ? 'write' : 'compare', rows } as const;
      scored.push(await session.score({ ...request, want }));
      const top = await session.score({ ...request, want: { kind: 'top', limit: 1541 } });
      if (top.kind !== 'top') throw new Error('another kind than asked for');
      said.push(
        Array.from(
          { length: top.positions },
          (_, position) =>
            new Map(
              Array.from({ length: 1541 }, (_, i) => {
                const at = position * 1541 + i;
                return [top.tokens[at] ?? -1, top.logProbs[at] ?? Number.NaN];
              }),
            ),
        ),
      );
    }
    const [reference = [], candidate = []] = said;
    const [, compared] = scored;
    if (compared?.kind !== 'compare') throw new Error('another kind than asked for');
    expect(compared.positions).toBe(11);
    for (const [position, distribution] of reference.entries()) {
      let divergence = 0;
      for (const [token, logProb] of distribution) {
        divergence += Math.exp(logProb) * (logProb - (candidate[position]?.get(token) ?? Number.NaN));
      }
      expect(divergence).toBeGreaterThan(0);
      expect(compared.kld[position]).toBeCloseTo(divergence, 7);
    }
  });

  it('scores a chunk that takes several batches as one that takes one', async () => {
    await using session = await start();
    await session.loadModel({ path: nanoPath('F16'), gpuLayers: 'max' });
    await session.openContext(context);
    const whole = await session.score({ tokens: chunk, firstScored: 100, want: { kind: 'next' } });
    await session.openContext({ ...context, batchSize: 96 });
    const pieces = await session.score({ tokens: chunk, firstScored: 100, want: { kind: 'next' } });
    expect(pieces.positions).toBe(whole.positions);
    for (let i = 0; i < whole.positions; i++) {
      expect(Math.abs((pieces.nextLogProb[i] ?? 0) - (whole.nextLogProb[i] ?? 0))).toBeLessThan(0.05);
    }
  });

  const template =
    "{% for message in messages %}{{'<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n'}}{% endfor %}{{'<|assistant|>\n'}}";

  it('answers questions through the chat template, the same each time', async () => {
    const { session } = await opened('F16');
    await using _ = session;
    const prompt = await session.chatPrompt([{ role: 'user', content: 'What is 2 x 3?' }], template);
    expect(prompt[0]).toBe(1);
    const [first] = await session.complete([{ prompt, maxTokens: 32 }]);
    const [second] = await session.complete([{ prompt, maxTokens: 32 }]);
    expect(first?.text).toBe('6.');
    expect(first?.stop).toBe('end');
    expect(second).toEqual(first);
  });

  it('answers several questions side by side as it does one by one, in their order', async () => {
    const { session } = await opened('F16');
    await using _ = session;
    const questions = ['What is 2 x 3?', 'What do we call a young deer?', 'Which element has the symbol Cr?'];
    const requests = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const content = questions[i % questions.length] ?? '';
        return {
          prompt: await session.chatPrompt([{ role: 'user', content }], template),
          maxTokens: i === 7 ? 1 : 32,
        };
      }),
    );
    const alone = await session.complete(requests);
    await session.openContext({ ...context, contextSize: 256, sequences: 5, batchSize: 40 });
    const together = await session.complete(requests);
    expect(together.map(({ text }) => text)).toEqual(alone.map(({ text }) => text));
    expect(together.map(({ stop }) => stop)).toEqual(alone.map(({ stop }) => stop));
    expect(alone[7]?.stop).toBe('length');
  });

  it('accounts for weights, cache and buffers, and for its own peak', async () => {
    const { session } = await opened('Q8_0');
    await using _ = session;
    const memory = await session.engineMemory();
    // 4 layers x 512 positions x (256 keys + 256 values) x 2 bytes.
    expect(memory.kvBytes).toBe(4 * 512 * 512 * 2);
    expect(memory.weightsBytes).toBeGreaterThan(4_000_000);
    expect(memory.computeBytes).toBeGreaterThan(0);
    expect(memory.gpuBytes).toBe(0);
    expect((await session.processMemory()).peakRssBytes).toBeGreaterThan(memory.weightsBytes);
  });

  it('tells why llama.cpp refuses a file', async () => {
    await using session = await start();
    await expect(session.loadModel({ path: nanoPath('text'), gpuLayers: 0 })).rejects.toMatchObject({
      code: 'engine/load-failed',
      message: expect.stringContaining('llama.cpp refused the file: '),
    });
  });

  it('refuses a template that cannot be rendered', async () => {
    const { session } = await opened('Q8_0');
    await using _ = session;
    await expect(session.chatPrompt([{ role: 'user', content: 'x' }], '{% for %}')).rejects.toMatchObject({
      code: 'engine/template-failed',
    });
  });

  it('rejects the pending call when its process is killed', async () => {
    const { session } = await opened('Q8_0');
    await using _ = session;
    const pending = timeGeneration(session, nothing, chunk.subarray(0, 500));
    killEngines('KILL');
    await expect(pending).rejects.toMatchObject({ code: 'engine/killed' });
    await expect(session.tokenize('more', false)).rejects.toMatchObject({ code: 'engine/killed' });
  });

  it('names a native crash', async () => {
    const { session } = await opened('Q8_0');
    await using _ = session;
    const pending = timeGeneration(session, nothing, chunk.subarray(0, 500));
    killEngines('SEGV');
    await expect(pending).rejects.toMatchObject({
      code: 'engine/crashed',
      message: expect.stringContaining('segmentation fault'),
    });
  });

  it('ends a step that takes too long', async () => {
    await using session = await start(undefined, 60_000);
    await session.loadModel({ path: nanoPath('F16'), gpuLayers: 0 });
    await session.openContext({ ...context, contextSize: 16_384 });
    await using impatient = await start(undefined, 3000);
    await impatient.loadModel({ path: nanoPath('F16'), gpuLayers: 0 });
    await impatient.openContext({ ...context, contextSize: 32_768 });
    const long = Uint32Array.from({ length: 32_000 }, (_, i) => 300 + (i % 1000));
    await expect(timeGeneration(impatient, long, long.subarray(0, 700))).rejects.toMatchObject({
      code: 'engine/timeout',
      hint: expect.stringContaining('--timeout'),
    });
  });

  it('ends with the reason of its signal, leaving no process', async () => {
    const controller = new AbortController();
    const session = await start(controller.signal);
    await session.loadModel({ path: nanoPath('F16'), gpuLayers: 0 });
    await session.openContext(context);
    const pending = timeGeneration(session, nothing, chunk);
    controller.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
    await session[Symbol.asyncDispose]();
    expect(engines()).toEqual([]);
  });

  it('tells how far a load has come, and stops one that is not wanted any more', async () => {
    await using session = await start();
    const model = { path: nanoPath('F16'), gpuLayers: 0 } as const;
    const fractions: number[] = [];
    await session.loadModel(model, { onStep: ({ fraction }) => fractions.push(fraction) });
    expect(fractions.length).toBeGreaterThan(5);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    const aborted = AbortSignal.abort();
    await expect(session.loadModel(model, { onStep: () => {}, signal: aborted })).rejects.toMatchObject({
      code: 'engine/load-failed',
      message: expect.stringContaining('stopped'),
    });
    expect((await session.loadModel(model)).vocabularySize).toBe(1541);
  });

  // The first runs beside the process's event loop, the second in it, where no message is read: only Linux ends it then.
  const decodes = {
    'a decode': { observes: false, call: 'timeFirstToken' },
    'a decode that it waits for': { observes: true, call: 'observe' },
  };
  it.for(Object.entries(decodes).slice(0, process.platform === 'linux' ? 2 : 1))(
    'leaves no process when the one that started it is killed in the middle of %s',
    async ([, decode]) => {
      const { observes, call } = decode;
      const opened = { ...context, contextSize: 32_768, batchSize: 16_384, observes };
      const script = `
      import { startEngineProcess } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
      const session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 60000 });
      await session.loadModel({ path: ${JSON.stringify(nanoPath('F16'))}, gpuLayers: 0 });
      await session.openContext(${JSON.stringify(opened)});
      const prompt = Uint32Array.from({ length: 32_000 }, (_, i) => 300 + (i % 1000));
      process.stdout.write('decoding');
      await session.${call}(prompt);`;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(parent.stdout, 'data');
      await setTimeout(500);
      const [child] = engines(parent.pid);
      if (child === undefined) throw new Error('no engine runs');
      parent.kill('SIGKILL');
      const deadline = performance.now() + 5000;
      while (isRunning(child) && performance.now() < deadline) await setTimeout(20);
      expect(isRunning(child)).toBe(false);
    },
  );

  it('refuses a GPU that is not there', async () => {
    const other = process.platform === 'darwin' ? 'vulkan' : 'metal';
    await expect(startEngineProcess({ gpu: other, callTimeoutMs: 60_000 })).rejects.toMatchObject({
      code: 'engine/gpu-unavailable',
    });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Engine processes that this test process, or another, started. */
function engines(parent: number | undefined = process.pid): number[] {
  const list = execFileSync('ps', ['-o', 'pid=,ppid=,args=', '-A'], { encoding: 'utf8' });
  return list
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match?.[2] === String(parent) && match[3]?.includes('engine-child.js'))
    .map((match) => Number(match?.[1]));
}

function killEngines(signal: 'KILL' | 'SEGV'): void {
  const running = engines();
  expect(running.length).toBeGreaterThan(0);
  for (const pid of running) process.kill(pid, `SIG${signal}`);
}
