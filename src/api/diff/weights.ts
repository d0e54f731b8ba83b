import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { dequantizerOf } from '../../gguf/dequantize.ts';
import type { ShardedTensor } from '../../gguf/shards.ts';
import { diffTensors, type TensorPair } from '../../measure/header-diff.ts';
import { emptySums, mergeSums, type WeightErrorSums, weightErrorOf } from '../../measure/weight-error.ts';
import { localModel, type ModelHeader } from '../../model/model.ts';
import { isAvailable } from '../../schema/availability.ts';
import { messageOf, QuantscopeError } from '../../util/errors.ts';
import { packagePath } from '../../util/package-files.ts';
import { SpanComparer, type SpanResult, type SpanSide, type WeightSpan } from './spans.ts';
import type { SpanReply } from './worker.ts';

const WORKER_MODULE = packagePath('dist/diff-worker.cjs');
/** Fewer bytes are compared on this thread: starting workers takes longer. */
const INLINE_BYTES = 16 * 1024 * 1024;
/** Weights a thread takes at once, some 20 ms of work: few messages, and no thread is left with a long rest. */
const SPAN_WEIGHTS = 4 * 1024 * 1024;

export type ModelPair = TensorPair<ShardedTensor>;

/** The error of one tensor, summed up. */
export interface ComparedTensor {
  readonly pair: ModelPair;
  readonly sums: WeightErrorSums;
  /** Whether the bytes are the same on both sides. */
  readonly identical: boolean;
}

export interface WeightComparison {
  readonly a: ModelHeader;
  readonly b: ModelHeader;
  /** All of types that {@link unsupportedTypeOf} does not object to. */
  readonly pairs: readonly ModelPair[];
  readonly signal: AbortSignal;
  /** Told the bytes of both files that have been read so far, and their total. */
  readonly onBytes?: (done: number, total: number) => void;
  /** Default: as many as there are cores. */
  readonly threads?: number;
}

/** A type of the pair that has no dequantizer; undefined where the weights can be compared. */
export function unsupportedTypeOf({ a, b }: ModelPair): string | undefined {
  return [a.type, b.type].find((type) => dequantizerOf(type) === undefined);
}

/**
 * Compares the weights of tensors in two models by streaming both: windows of them are in memory, never a tensor.
 * @throws QuantscopeError `io/read-failed`, `io/short-read`, or the signal's reason
 */
export async function compareWeights(comparison: WeightComparison): Promise<ComparedTensor[]> {
  const { pairs, signal, onBytes } = comparison;
  const compared = pairs.map((pair) => ({ pair, sums: emptySums(), identicalWeights: 0 }));
  const totalBytes = pairs.reduce((sum, { a, b }) => sum + a.sizeBytes + b.sizeBytes, 0);
  let doneBytes = 0;
  const take = (span: WeightSpan, { sums, identicalWeights }: SpanResult): void => {
    const tensor = compared[span.tensor];
    if (tensor === undefined) return;
    mergeSums(tensor.sums, sums);
    tensor.identicalWeights += identicalWeights;
    const { a, b } = tensor.pair;
    doneBytes += ((a.sizeBytes + b.sizeBytes) * span.weights) / a.elements;
    onBytes?.(Math.round(doneBytes), totalBytes);
  };
  signal.throwIfAborted();
  const spans = spansOf(comparison);
  if (totalBytes <= INLINE_BYTES) compareHere(spans, take);
  else await compareInWorkers(spans, comparison.threads ?? availableParallelism(), signal, take);
  return compared.map(({ pair, sums, identicalWeights }) => ({
    pair,
    sums,
    identical: identicalWeights === pair.a.elements,
  }));
}

/**
 * The relative RMSE of all weights of a model against those of a reference.
 * @throws QuantscopeError `diff/not-comparable` where it would not be that of the whole model; GgufError, what reading
 *   the files throws, or the signal's reason
 */
export async function totalWeightError(
  referencePath: string,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  const [a, b] = [
    await localModel(referencePath, referencePath).header(signal),
    await localModel(path, path).header(signal),
  ];
  const { pairs, onlyInA, onlyInB, reshaped } = diffTensors(a.header, b.header);
  const [stray] = [...onlyInA, ...onlyInB, ...reshaped];
  if (stray !== undefined) throw notComparable(`only one of the files has ${stray.name} in its shape`);
  const unsupported = pairs.find((pair) => unsupportedTypeOf(pair) !== undefined);
  if (unsupported !== undefined) {
    throw notComparable(
      `${unsupported.name} is of type ${unsupportedTypeOf(unsupported)}, which cannot be read as numbers`,
    );
  }
  const total = emptySums();
  for (const { sums } of await compareWeights({ a, b, pairs, signal })) mergeSums(total, sums);
  const { relativeRmse, nonFinite } = weightErrorOf(total);
  if (nonFinite > 0) throw notComparable(`${nonFinite} weights are NaN or infinite`);
  if (!isAvailable(relativeRmse)) throw notComparable(relativeRmse.reason);
  return relativeRmse;
}

function notComparable(reason: string): QuantscopeError {
  return new QuantscopeError('diff/not-comparable', reason);
}

function* spansOf({ a, b, pairs }: WeightComparison): Generator<WeightSpan> {
  for (const [tensor, pair] of pairs.entries()) {
    const { elements } = pair.a;
    for (let first = 0; first < elements; first += SPAN_WEIGHTS) {
      const weights = Math.min(SPAN_WEIGHTS, elements - first);
      yield { tensor, weights, a: sideOf(a, pair.a, first), b: sideOf(b, pair.b, first) };
    }
  }
}

function sideOf(
  { files }: ModelHeader,
  { shard, offset, sizeBytes, elements, type }: ShardedTensor,
  first: number,
): SpanSide {
  const file = files[shard];
  if (file === undefined) throw new RangeError(`there is no shard ${shard}`);
  return { path: file.path, start: file.dataOffset + offset + (sizeBytes / elements) * first, type };
}

function compareHere(
  spans: Iterable<WeightSpan>,
  take: (span: WeightSpan, result: SpanResult) => void,
): void {
  using comparer = new SpanComparer();
  for (const span of spans) {
    try {
      take(span, comparer.compare(span));
    } catch (cause) {
      if (cause instanceof QuantscopeError) throw cause;
      throw new QuantscopeError('io/read-failed', messageOf(cause), { cause });
    }
  }
}

/** Every thread gets its next span when it has answered the last. */
async function compareInWorkers(
  spans: Iterator<WeightSpan>,
  threads: number,
  signal: AbortSignal,
  take: (span: WeightSpan, result: SpanResult) => void,
): Promise<void> {
  const workers = Array.from({ length: threads }, () => new Worker(WORKER_MODULE));
  let stop: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      stop = () => reject(signal.reason);
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      let running = workers.length;
      for (const worker of workers) {
        let current: WeightSpan | undefined;
        const next = (): void => {
          const { done, value } = spans.next();
          current = done === true ? undefined : value;
          if (current !== undefined) worker.postMessage(current);
          else if (--running === 0) resolve();
        };
        worker.on('error', reject);
        worker.on('message', (reply: SpanReply) => {
          if (reply.kind === 'failed') return reject(errorOf(reply));
          if (current !== undefined) take(current, reply.result);
          next();
        });
        next();
      }
    });
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
    // A thread may be in the middle of a synchronous loop: it ends with it.
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function errorOf({ code, message, hint }: Extract<SpanReply, { kind: 'failed' }>): QuantscopeError {
  return new QuantscopeError(code, message, hint === undefined ? {} : { hint });
}
