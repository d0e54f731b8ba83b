import { cpus } from 'node:os';
import { EngineError, startEngineProcess } from '../../engine/index.ts';
import { UsageError } from '../../util/errors.ts';
import type { LoadOutcome } from '../../validate/index.ts';

const CONTEXT_SIZE = 64;

/**
 * Loads a file in a process of its own and decodes one token.
 * @throws UsageError where there is no engine to ask, or the signal's reason
 */
export async function tryLoading(path: string, timeoutMs: number, signal: AbortSignal): Promise<LoadOutcome> {
  try {
    await using session = await startEngineProcess({
      gpu: 'off',
      signal,
      callTimeoutMs: timeoutMs,
    });
    const { bosToken, warnings } = await session.loadModel({ path, gpuLayers: 0 });
    await session.openContext({
      contextSize: CONTEXT_SIZE,
      batchSize: CONTEXT_SIZE,
      sequences: 1,
      threads: Math.max(1, Math.min(4, cpus().length)),
      flashAttention: 'auto',
      keyType: 'f16',
      valueType: 'f16',
    });
    // Any token will do for the first; the second is the one whose probability is asked for.
    const tokens = Uint32Array.of(bosToken ?? 0, 0);
    const { nextLogProb } = await session.score({ tokens, firstScored: 0, want: { kind: 'next' } });
    const [logProb] = nextLogProb;
    if (logProb !== undefined && Number.isNaN(logProb)) {
      return { status: 'not-finite', reason: 'the first token’s probabilities are not numbers' };
    }
    return { status: 'ok', warnings };
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof EngineError)) throw thrown;
    switch (thrown.code) {
      case 'engine/crashed':
      case 'engine/killed':
      case 'engine/exited':
        return { status: 'crashed', reason: thrown.message };
      case 'engine/timeout':
        return { status: 'timeout', reason: thrown.message };
      case 'engine/load-failed':
      case 'engine/context-failed':
      case 'engine/evaluation-failed':
      case 'engine/template-failed':
      case 'engine/quantize-failed':
        return { status: 'failed', reason: thrown.message };
      case 'engine/not-installed':
      case 'engine/abi':
      case 'engine/gpu-unavailable':
      case 'engine/build-impossible':
      case 'engine/build-failed':
        throw new UsageError(thrown.code, thrown.message, {
          cause: thrown,
          ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
        });
    }
  }
}
