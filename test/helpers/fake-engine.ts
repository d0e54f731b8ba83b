import { closeSync, openSync, writeSync } from 'node:fs';
import type { EngineInfo, EngineSession, StartEngine, StartOptions } from '../../src/engine/engine.ts';
import { EngineError, type EngineErrorCode } from '../../src/engine/errors.ts';
import { rowBytes } from '../../src/engine/logit-rows.ts';
import type { MethodName } from '../../src/engine/messages.ts';
import type { Scores } from '../../src/engine/scores.ts';

/**
 * An engine that computes nothing: for orders of events and failures, never for figures. Every duration is one
 * microsecond a token and every distribution is uniform over `VOCABULARY_SIZE` tokens.
 */
const VOCABULARY_SIZE = 16;
const NS_PER_TOKEN = 1000;

const INFO: EngineInfo = {
  name: 'fake',
  version: '0',
  llamaCpp: 'none',
  build: 'prebuilt',
  backend: 'cpu',
  devices: [],
  gpuFreeBytes: null,
  systemInfo: '',
  mathCores: 1,
};

export interface FakeEngineOptions {
  /** Told of every call, with the path of the model that is loaded. */
  readonly onCall?: (path: string, method: MethodName) => void;
  /** A failure for a call: returned, not thrown, so that a test reads as a table. */
  readonly failure?: (path: string, method: MethodName) => EngineErrorCode | undefined;
}

export function fakeEngine({ onCall, failure }: FakeEngineOptions = {}): StartEngine {
  return async ({ signal }: StartOptions): Promise<EngineSession> => {
    let path = '';
    const answer = async <Value>(method: MethodName, value: () => Value): Promise<Value> => {
      signal?.throwIfAborted();
      onCall?.(path, method);
      signal?.throwIfAborted();
      const code = failure?.(path, method);
      if (code !== undefined) throw new EngineError(code, `the fake engine was told to fail at ${method}`);
      return value();
    };
    return {
      info: INFO,
      loadModel: (options) => {
        path = options.path;
        return answer('loadModel', () => ({
          loadMs: 1,
          vocabularySize: VOCABULARY_SIZE,
          bosToken: 1,
          addsBos: true,
          trainContextSize: 512,
          layers: null,
          warnings: [],
        }));
      },
      openContext: ({ contextSize }) => answer('openContext', () => ({ openMs: 1, contextSize })),
      unload: () => answer('unload', () => undefined),
      tokenize: (text) =>
        answer('tokenize', () =>
          Uint32Array.from(text, (char) => (char.codePointAt(0) ?? 0) % VOCABULARY_SIZE),
        ),
      tokenizeAll: (texts) =>
        answer('tokenizeAll', () =>
          texts.map((text) => Uint32Array.from(text, (char) => (char.codePointAt(0) ?? 0) % VOCABULARY_SIZE)),
        ),
      chatText: (messages) => answer('chatText', () => messages.map(({ content }) => content).join('\n')),
      chatPrompt: (messages) => answer('chatPrompt', () => new Uint32Array(messages.length + 1).fill(2)),
      timeTest: ({ prompt, generated }) =>
        answer('timeTest', () => ({
          promptNs: prompt.length * NS_PER_TOKEN,
          generationNs: generated.length * NS_PER_TOKEN,
        })),
      timeFirstToken: (prompt) => answer('timeFirstToken', () => prompt.length * NS_PER_TOKEN),
      score: ({ tokens, firstScored, want }) =>
        answer('score', () => uniform(tokens.length - 1 - firstScored, want)),
      scoreContinuations: (groups) =>
        answer('scoreContinuations', () =>
          groups
            .flat()
            .map(({ continuations }) =>
              continuations.map(({ length }) => new Float64Array(length).fill(-Math.log(VOCABULARY_SIZE))),
            ),
        ),
      pieces: (tokens) => answer('pieces', () => Array.from(tokens, String)),
      generate: () =>
        answer('generate', () => ({
          text: 'fake',
          tokens: Uint32Array.of(2),
          stop: 'end' as const,
          cachedTokens: 0,
          promptNs: NS_PER_TOKEN,
          generationNs: NS_PER_TOKEN,
        })),
      complete: (requests) =>
        answer('complete', () =>
          requests.map(() => ({ text: 'fake', tokens: Uint32Array.of(2), stop: 'end' as const })),
        ),
      observe: () => answer('observe', () => undefined),
      importance: () => answer('importance', () => []),
      tryWeights: () => answer('tryWeights', () => undefined),
      observedWeights: () => answer('observedWeights', () => []),
      weightErrors: ({ types }) => answer('weightErrors', () => types.map(() => 0)),
      quantize: () => answer('quantize', () => ({ tensors: [], fallbacks: [], needsImatrix: false })),
      quantizeRows: ({ data }) => answer('quantizeRows', () => data),
      engineMemory: () =>
        answer('engineMemory', () => ({
          weightsBytes: 1,
          repackedBytes: 0,
          kvBytes: 1,
          computeBytes: 1,
          gpuBytes: 0,
        })),
      planMemory: (_, contexts) =>
        answer('planMemory', () =>
          contexts.map(({ contextSize }) => ({
            weightsBytes: 1,
            kvBytes: 1,
            computeBytes: 1,
            gpuBytes: 0,
            repackedBytes: 0,
            contextSize,
            layers: 1,
            caches: [],
          })),
        ),
      processMemory: () => answer('processMemory', () => ({ peakRssBytes: 1, anonymousBytes: null })),
      [Symbol.asyncDispose]: async () => {},
    };
  };
}

function uniform(positions: number, want: Parameters<EngineSession['score']>[0]['want']): Scores {
  const logProbs = () => new Float64Array(positions).fill(-Math.log(VOCABULARY_SIZE));
  const topToken = new Uint32Array(positions);
  const base = { positions, nextLogProb: logProbs(), topToken };
  switch (want.kind) {
    case 'next':
      return { kind: 'next', ...base };
    case 'write': {
      const { path, form, offsetBytes } = want.rows;
      const file = openSync(path, 'r+');
      writeSync(file, Buffer.alloc(positions * rowBytes(form, VOCABULARY_SIZE)), 0, null, offsetBytes);
      closeSync(file);
      return { kind: 'write', ...base };
    }
    case 'top': {
      const count = positions * want.limit;
      const tokens = Uint32Array.from({ length: count }, (_, i) => i % want.limit);
      return {
        kind: 'top',
        ...base,
        tokens,
        logProbs: new Float64Array(count).fill(-Math.log(VOCABULARY_SIZE)),
      };
    }
    case 'compare': {
      const reference = { referenceLogProb: logProbs(), referenceTopToken: topToken };
      return { kind: 'compare', ...base, kld: new Float64Array(positions), ...reference };
    }
  }
}
