import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/mutate.ts';
import { quantizedHeader } from '../../bench/phones/layout.ts';
import { checkKit, learnedSpeed, otherModel } from '../../src/device/kit-check.ts';
import { modelShape, speedOn } from '../../src/device/predict-speed.ts';
import { builtInDevices, findDevice } from '../../src/device/profiles.ts';
import { mainTypeOf, workloadOf } from '../../src/device/workload.ts';
import { quantizationOf } from '../../src/gguf/index.ts';
import { renderKitCheck } from '../../src/report/kit-check.ts';
import type { GoldenPrompt, KitGolden, KitResults, PhoneReplay } from '../../src/schema/kit.ts';

const PHONES = await builtInDevices();
const SHA = 'a'.repeat(64);

/** A reply of two tokens and its end: the second is a near tie, the others are clear. */
const PROMPT: GoldenPrompt = {
  name: 'fact',
  messages: [{ role: 'user', content: 'x' }],
  text: '<|user|>x<|end|>',
  tokens: [1, 5, 6],
  reply: {
    text: 'Paris.',
    ends: true,
    steps: [
      step([10, 'Paris', -0.1], [11, 'Rome', -3]),
      step([12, '.', -0.9], [13, '!', -1.1]),
      step([2, '</s>', -0.01], [14, ' I', -6]),
    ],
  },
};

const GOLDEN: KitGolden = {
  schema: 'quantscope/kit-golden@1',
  id: SHA,
  tool: 'test',
  engine: { name: 'node-llama-cpp', version: '3', llamaCpp: 'b1', backend: 'cpu' },
  model: {
    name: 'M',
    quantization: 'Q4_0',
    sha256: SHA,
    fileBytes: 110,
    tensorBytes: 100,
    parameters: 50,
    shape: ['llama', 1, 2, 3, 4, 5, 6],
    mainType: 'Q4_0',
    bos: { token: 1, text: '<s>' },
  },
  tolerance: { nearTie: 0.5, meanLogProb: 0.1, why: '' },
  bench: { promptTokens: 256, generatedTokens: 64 },
  candidates: 2,
  expected: {
    device: { id: 'galaxy-s23', name: 'Samsung Galaxy S23', batteryWh: null },
    backend: 'opencl',
    contextSize: 2048,
    cacheType: 'f16',
    memory: {
      basis: 'estimated',
      repackedBytes: 0,
      weightsBytes: 1e9,
      kvBytes: 1e8,
      stateBytes: 0,

      checkpointBytes: 0,
      computeBytes: 1e8,
      totalBytes: 1.2e9,
      anonymousBytes: 1.2e9,
      budgetBytes: 4e9,
    },
    speed: { promptTps: 100, generationTps: 20, low: 15, high: 25, basis: 'predicted', evidence: 'x' },
  },
  prompts: [PROMPT],
};

type Candidate = readonly [token: number, text: string, logProb: number];
function step(...top: [Candidate, ...Candidate[]]) {
  const [[token, text]] = top;
  return { token, text, top: top.map(([id, piece, logProb]) => ({ token: id, text: piece, logProb })) };
}

const SAME: PhoneReplay = {
  name: 'fact',
  promptTokens: [1, 5, 6],
  formattedPrompt: '<|user|>x<|end|>',
  reply: {
    text: 'Paris.',
    stop: 'end',
    tokens: [
      { id: 10, text: 'Paris' },
      { id: 12, text: '.' },
    ],
  },
  forced: PROMPT.reply.steps.map(({ top }, index) => ({
    step: index,
    top: top.map(({ token, text, logProb }) => ({ id: token, text, logProb })),
  })),
};

function results(replay: Partial<PhoneReplay> = {}, more: Partial<KitResults> = {}): KitResults {
  return {
    schema: 'quantscope/kit-results@1',
    createdAt: '2026-01-02T03:04:05.000Z',
    device: { name: 'phone' },
    library: { name: 'llama.rn', build: '10256', commit: 'x' },
    golden: { id: SHA, modelSha256: SHA },
    model: { sha256: null, description: '', tensorBytes: 100, parameters: 50 },
    parameters: {},
    backend: { gpu: true, reasonNoGpu: '', devices: ['GPUOpenCL'], systemInfo: '' },
    loadMs: 900,
    memory: { status: 'ok', beforeLoadBytes: 1e8, afterLoadBytes: 1.2e9, afterRunBytes: 1.25e9 },
    bench: {
      status: 'ok',
      promptTokens: 256,
      generatedTokens: 64,
      repetitions: 3,
      promptTps: 90,
      generationTps: 18,
      flashAttention: 0,
      threads: 6,
    },
    sustained: { status: 'unavailable', reason: 'not asked' },
    replays: [{ ...SAME, ...replay }],
    ...more,
  };
}

const said = (...tokens: (readonly [number | null, string])[]): PhoneReplay['reply'] => ({
  text: tokens.map(([, text]) => text).join(''),
  stop: 'end',
  tokens: tokens.map(([id, text]) => ({ id, text })),
});
const codes = (check: ReturnType<typeof checkKit>) =>
  check.findings.map(({ level, code }) => `${level} ${code}`);
const checked = (replay: Partial<PhoneReplay>, more: Partial<KitResults> = {}) =>
  checkKit(GOLDEN, results(replay, more));

describe('a phone that computes the same', () => {
  it('has nothing found', () => {
    const check = checked({});
    expect(check.verdict).toBe('ok');
    expect(check.findings).toEqual([]);
    expect(check.logProbs).toEqual({ steps: 3, mean: 0, largest: 0, otherTop: 0 });
    expect(check.prompts).toEqual([{ name: 'fact', steps: 3, divergence: null }]);
    expect(check.memory).toMatchObject({ grownBytes: 1.15e9 });
  });

  it('may give its template’s prompt with BOS', () => {
    expect(checked({ formattedPrompt: '<s><|user|>x<|end|>' }).findings).toEqual([]);
  });

  it('may part at a near tie, which is told', () => {
    const check = checked({ reply: said([10, 'Paris'], [13, '!']) });
    expect(check.verdict).toBe('ok');
    expect(codes(check)).toEqual(['note kit/near-tie']);
    expect(check.prompts[0]?.divergence).toMatchObject({ step: 1, got: '!', isNearTie: true });
    expect(check.prompts[0]?.divergence?.gap).toBeCloseTo(0.2, 10);
  });

  it('is not held to parts of characters, which llama.rn tells by their bytes', () => {
    const reply = { ...said([10, 'Paris'], [null, 'byte: \\xe2']), text: 'Paris\u2026' };
    const check = checked({
      reply,
      forced: [{ step: 0, top: [{ id: null, text: 'byte: \\xe2', logProb: -1 }] }],
    });
    expect(check.verdict).toBe('ok');
    expect(codes(check)).toEqual(['warning kit/not-compared']);
    expect(check.logProbs).toHaveProperty('status', 'unavailable');
  });
});

describe('a phone that computes something else', () => {
  it.each([
    ['another token', said([11, 'Rome'], [12, '.']), { step: 0, got: 'Rome' }],
    ['a token that was not even kept', said([10, 'Paris'], [12, '.'], [null, 'xx']), { step: 2, got: 'xx' }],
    ['an early end', said(), { step: 0, got: 'the end' }],
    ['no end', said([10, 'Paris'], [12, '.'], [14, ' I']), { step: 2, expected: 'the end' }],
  ])('is wrong by %s', (_, reply, divergence) => {
    const check = checked({ reply: { ...reply } });
    expect(check.verdict).toBe('wrong');
    expect(codes(check)).toEqual(['error kit/wrong-token']);
    expect(check.prompts[0]?.divergence).toMatchObject({ ...divergence, isNearTie: false });
  });

  it('is wrong by its distributions, though its replies are the same', () => {
    const forced = [{ step: 0, top: [{ id: 10, text: 'Paris', logProb: -2.1 }] }];
    const check = checked({ forced });
    expect(check.verdict).toBe('wrong');
    expect(check.logProbs).toMatchObject({ steps: 1, largest: 2 });
    expect(codes(check)).toEqual(['error kit/wrong-distribution']);
  });

  it('is told once a prompt how often another token is first', () => {
    const garbage = (index: number) => ({ step: index, top: [{ id: null, text: '@', logProb: -0.2 }] });
    const check = checked({ forced: [garbage(0), garbage(2)] });
    const messages = check.findings.map(({ message }) => message);
    expect(messages[0]).toContain('the most likely is "@" and not "Paris"');
    expect(messages[0]).toContain('; so at 1 more');
    expect(check.logProbs).toMatchObject({ otherTop: 2 });
  });

  it('is wrong by the tokens of its prompt, and its reply is not compared', () => {
    const check = checked({ promptTokens: [1, 1, 5, 6], reply: said() });
    expect(codes(check)).toEqual(['error kit/prompt-tokens']);
    expect(check.prompts).toEqual([]);
  });

  it('is wrong where a prompt was not replayed', () => {
    expect(codes(checked({ name: 'other' }))).toEqual(['error kit/replay-missing']);
  });
});

describe('what is no fault of the arithmetic', () => {
  it('is told of template, GPU, speed and memory', () => {
    const check = checked(
      { formattedPrompt: 'x' },
      {
        backend: { gpu: false, reasonNoGpu: 'no OpenCL', devices: [], systemInfo: '' },
        bench: { ...bench(), generationTps: 5 },
        memory: { status: 'ok', beforeLoadBytes: 0, afterLoadBytes: 2e9, afterRunBytes: 1e9 },
      },
    );
    expect(check.verdict).toBe('ok');
    expect(codes(check)).toEqual(
      ['kit/template', 'kit/no-gpu', 'kit/slower', 'kit/memory'].map((code) => `warning ${code}`),
    );
  });

  it('is faster than predicted', () => {
    expect(codes(checked({}, { bench: { ...bench(), generationTps: 50 } }))).toEqual(['note kit/faster']);
  });

  it('leaves missing figures missing, with their reasons', () => {
    const none = { status: 'unavailable', reason: 'why' } as const;
    const check = checked({ forced: [{ step: 0, ...none }] }, { bench: none, memory: none });
    expect(check.speed).toEqual(none);
    expect(check.memory).toEqual(none);
    expect(check.logProbs).toEqual({ status: 'unavailable', reason: 'no distributions came back' });
    expect(check.verdict).toBe('ok');
  });
});

function bench() {
  const given = results().bench;
  if (given.status !== 'ok') throw new Error('no bench');
  return given;
}

describe('results of another model', () => {
  const of = (model: Partial<KitResults['model']>) =>
    otherModel(GOLDEN, results({}, { model: { ...results().model, ...model } }));

  it('are told by the hash, the parameters or the bytes', () => {
    expect(of({})).toBeNull();
    expect(of({ sha256: SHA })).toBeNull();
    expect(of({ parameters: null, tensorBytes: null })).toBeNull();
    expect(of({ sha256: 'b'.repeat(64) })).toContain('SHA-256 bbbb');
    expect(of({ parameters: 51 })).toContain('51 parameters and not 50');
    expect(of({ tensorBytes: 101 })).toContain('101 bytes');
    expect(otherModel(GOLDEN, results({}, { golden: { id: SHA, modelSha256: 'c'.repeat(64) } }))).toContain(
      'cccc',
    );
  });
});

describe('a speed that was learned', () => {
  const header = quantizedHeader('phi-3.5-mini', 'q4_0');
  if (header === undefined) throw new Error('no layout');
  const work = workloadOf(header);
  const golden: KitGolden = {
    ...GOLDEN,
    model: {
      ...GOLDEN.model,
      shape: modelShape(header),
      tensorBytes: quantizationOf(header).tensorBytes,
      mainType: (work === null ? null : mainTypeOf(work)) ?? 'F32',
    },
  };
  const phone = findDevice('galaxy-s23', PHONES);
  const row = (more: Partial<KitResults> = {}) => learnedSpeed(golden, results({}, more), phone);

  it('wins over every other for the very model, newest first', () => {
    const [old, recent] = [
      row(),
      row({ createdAt: '2026-02-01T00:00:00.000Z', bench: { ...bench(), generationTps: 19 } }),
    ];
    if (old === null || recent === null) throw new Error('nothing learned');
    expect(old).toMatchObject({ device: 'galaxy-s23', backend: 'opencl', generationTps: 18, promptTps: 90 });
    const speed = speedOn(header, { ...phone, learned: [recent, old] }, PHONES, 'opencl');
    expect(speed).toMatchObject({ basis: 'measured', generationTps: 19, promptTps: 90 });
    expect('evidence' in speed && speed.evidence).toContain('measured by you on 2026-02-01');
  });

  it('is of the backend that ran', () => {
    const on = (backend: Partial<KitResults['backend']>) =>
      row({ backend: { ...results().backend, ...backend } })?.backend;
    expect(on({ gpu: false })).toBe('cpu');
    expect(on({ devices: ['HTP0'] })).toBe('hexagon');
    const iphone = findDevice('iphone-13', PHONES);
    expect(learnedSpeed(golden, results(), iphone)?.backend).toBe('metal');
  });

  it('is none where the phone measured none', () => {
    expect(row({ bench: { status: 'unavailable', reason: 'x' } })).toBeNull();
  });

  it('says nothing of other bytes', () => {
    const learned = row();
    if (learned === null) throw new Error('nothing learned');
    const other = { ...learned, tensorBytes: learned.tensorBytes + 1 };
    const speed = speedOn(header, { ...phone, learned: [other] }, PHONES, 'opencl');
    expect('evidence' in speed && speed.evidence).not.toContain('by you');
  });
});

describe('results that a stranger wrote', () => {
  /** Escapes, marks of direction, commands, ends of markup, and numbers that are none. */
  const PIECES = [
    '\u001B[2J',
    '\u009B31m',
    '\u202E',
    '\u0000',
    '\r\n',
    '::error::x',
    '##[group]',
    '<b>',
    '|',
    '`',
    '__proto__',
  ];
  const NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1e308, 2 ** 53];
  const random = seededRandom(22);
  const pick = <Value>(values: readonly Value[]): Value => values[random() % values.length] as Value;

  it('are checked without a fault, and say nothing that moves a cursor', () => {
    for (let left = 200; left > 0; left--) {
      const text = `${pick(PIECES)}a${pick(PIECES)}${pick(PIECES)}`;
      const replay: Partial<PhoneReplay> = {
        promptTokens: [pick(NUMBERS), 5],
        formattedPrompt: text,
        reply: said([pick(NUMBERS), text], [null, text]),
        forced: [{ step: pick(NUMBERS), top: [{ id: pick(NUMBERS), text, logProb: pick(NUMBERS) }] }],
      };
      const check = checkKit(
        GOLDEN,
        results(replay, {
          device: { name: text },
          library: { name: text, build: text, commit: text },
          backend: { gpu: false, reasonNoGpu: text, devices: [text], systemInfo: text },
          loadMs: pick(NUMBERS),
        }),
      );
      expect(renderKitCheck(check)).not.toMatch(/(?!\n)\p{Cc}|\p{Cf}/u);
    }
  });
});
