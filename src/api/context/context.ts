import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { footprint, tokenBytes } from '../../device/footprint.ts';
import type { CacheType } from '../../engine/engine.ts';
import { type GgufHeader, unstretchedContext } from '../../gguf/index.ts';
import { machineMemory } from '../../machine/memory.ts';
import type { ContextPlan } from '../../measure/context-plan.ts';
import { measureContexts } from '../../measure/context-run.ts';
import { LEAST_DEPTH } from '../../measure/depth-run.ts';
import { evaluationSetFor } from '../../measure/evaluation-data.ts';
import { sha256OfText } from '../../measure/file-hash.ts';
import { describeFile } from '../../measure/size.ts';
import type { Model } from '../../model/model.ts';
import type { ContextResults } from '../../schema/context.ts';
import { UsageError } from '../../util/errors.ts';
import { packagePath, packageVersion } from '../../util/package-files.ts';
import { formatCount } from '../../util/units.ts';
import { requireEnoughText } from '../comparison/enough.ts';
import { shown } from '../comparison/shown-path.ts';
import { readTexts } from '../comparison/texts.ts';
import { environmentHere } from '../environment.ts';
import { hostOf } from '../host.ts';
import { readInput } from '../input-file.ts';
import { oneModelFor } from '../local-models.ts';
import type { Filled } from '../request.ts';
import { ropeNotice } from '../rope-notice.ts';
import { CONTEXT_DEFAULTS, type ContextRequest } from './request.ts';

type Request = Filled<ContextRequest, typeof CONTEXT_DEFAULTS>;

const SMALLEST_CONTEXT = 512;
/** What a model whose header names no context is measured up to, and what is measured without being asked for. */
const LARGEST_MEASURED = 8192;
/** In smaller contexts there is little depth. */
const LEAST_DEPTH_UNASKED = 2048;
const BATCH_SIZE = 512;

/**
 * What `quantscope context --json` prints: memory and speed of one model as its context grows, by type of KV cache, what
 * each type costs in accuracy, and the largest context that fits a budget. What is on the Hub is downloaded first.
 * @throws UsageError `context/several`, `context/too-large`, `context/too-small`, `measure/text-too-short`,
 *   `input/unreadable` and what refs throw; EngineError when no engine can be started at all; the signal's reason. A size
 *   or type that fails is a row with its reason
 */
export async function measureContext(ref: string, asked: ContextRequest = {}): Promise<ContextResults> {
  const request: Request = { ...CONTEXT_DEFAULTS, ...asked };
  const host = hostOf(asked);
  const { signal, progress } = host;
  const model = await oneModelFor(ref, 'context', host);
  const { header } = await model.header(signal);
  const plan = await planOf(model, header, request);
  const { evaluation } = plan.settings;
  if (evaluation !== null)
    await requireEnoughText(model.path, { name: evaluation.text, text: plan.text }, evaluation, signal);
  const { contextSizes, cacheTypes } = plan.settings;
  const rope = ropeNotice(header, [request.evalContext, ...contextSizes]);
  if (rope !== null)
    host.notice(`${rope}; accuracy is measured at ${request.evalContext}, and at the size that is advised`);
  const count = contextSizes.length * cacheTypes.length;
  const scratch = await mkdtemp(join(tmpdir(), 'quantscope-'));
  let rows = 0;
  try {
    return await measureContexts(plan, {
      ...(await environmentHere(host, request.timeout, request.lock)),
      freeBytes: () => machineMemory().availableBytes,
      referencePath: join(scratch, 'reference'),
      onStep: (stage, done, total) =>
        progress({
          kind: 'step',
          subject: stage,
          stage: '',
          done,
          total,
          piece: [Math.min(rows + 1, count), count],
        }),
      onRow: async (row, soFar) => {
        rows += 1;
        const subject = `${formatCount(row.contextSize)} tokens, ${row.cacheType}`;
        progress({ kind: 'end', subject, failure: row.failure?.message ?? null });
        await request.onRow?.(row, soFar);
      },
    });
  } finally {
    progress({ kind: 'idle' });
    await rm(scratch, { recursive: true, force: true });
  }
}

async function planOf({ ref, path }: Model, header: GgufHeader, request: Request): Promise<ContextPlan> {
  const described = describeFile(header, path);
  const { name, architecture, parameters, contextLength } = described.model;
  const text = await textOf(request, name);
  const contextSizes = sizesOf('--sizes', request.sizes, contextLength);
  const largestMeasured = request.sizes === undefined ? LARGEST_MEASURED : Number.POSITIVE_INFINITY;
  const { threads, memory } = request;
  const count = typeof threads === 'number' ? threads : 0;
  return {
    path,
    described,
    model: {
      ref,
      name,
      architecture,
      quantization: described.quantization.label,
      parameters,
      sizeBytes: described.tokenRead.weightsBytes,
      contextLength,
    },
    settings: {
      contextSizes,
      cacheTypes: [...request.cacheTypes],
      generationTokens: request.generate,
      repetitions: request.repetitions,
      batchSize: BATCH_SIZE,
      threads: count,
      promptThreads: count,
      gpu: request.gpu,
      gpuLayers: request.gpuLayers,
      seed: request.seed,
      depths: text === null ? [] : depthsOf(request.depths, contextSizes, largestMeasured, contextLength),
      evaluation:
        text === null
          ? null
          : {
              text: shown(text.path),
              textSha256: sha256OfText(text.content),
              contextSize: request.evalContext,
              chunks: request.chunks,
            },
    },
    findThreads: threads === 'auto',
    largestMeasured,
    budget:
      memory === undefined
        ? { bytes: machineMemory().availableBytes, basis: 'free' }
        : { bytes: memory, basis: 'asked' },
    text: text?.content ?? '',
    depthText: `${text?.before ?? ''}${text?.content ?? ''}`,
    unstretched: unstretchedContext(header),
    estimate: estimateOf(header),
    tokenBytes: (cacheType) => tokenBytes(header, cacheType),
    toolVersion: packageVersion(),
  };
}

/**
 * The sizes asked for, or doubling ones up to the model's own, and that one.
 * @throws UsageError `context/too-large` for a size that the model was not trained for
 */
function sizesOf(flag: string, asked: readonly number[] | undefined, own: number | null): number[] {
  const limit = own ?? LARGEST_MEASURED;
  if (asked !== undefined) {
    const beyond = asked.find((size) => own !== null && size > own);
    if (beyond === undefined) return [...asked].sort((a, b) => a - b);
    throw new UsageError(
      'context/too-large',
      `a context of ${formatCount(beyond)} tokens is more than the ${formatCount(limit)} that the model was trained for`,
      { hint: `Give ${flag} up to ${limit}.` },
    );
  }
  const sizes: number[] = [];
  for (let size = SMALLEST_CONTEXT; size < limit; size *= 2) sizes.push(size);
  return [...sizes, limit];
}

/** @throws UsageError `context/too-large`, `context/too-small` */
function depthsOf(
  asked: readonly number[] | undefined,
  sizes: readonly number[],
  largestMeasured: number,
  own: number | null,
): number[] {
  const least = Math.max(LEAST_DEPTH, Math.min(LEAST_DEPTH_UNASKED, own ?? LEAST_DEPTH_UNASKED));
  if (asked === undefined) return sizes.filter((size) => size >= least && size <= largestMeasured);
  const small = asked.find((depth) => depth < LEAST_DEPTH);
  if (small === undefined) return sizesOf('--depths', asked, own);
  throw new UsageError(
    'context/too-small',
    `a depth of ${formatCount(small)} tokens has no room for text, facts and questions, need ${formatCount(LEAST_DEPTH)}`,
    { hint: `Give --depths from ${LEAST_DEPTH} on.` },
  );
}

interface EvaluationText {
  readonly path: string;
  /** What comes before it in contexts that are longer. */
  readonly before: string;
  readonly content: string;
}

/** null when accuracy is left out. */
async function textOf(request: Request, modelName: string | null): Promise<EvaluationText | null> {
  if (!request.accuracy) return null;
  const path = request.text ?? packagePath(`fixtures/${evaluationSetFor(modelName)}/text.txt`);
  return { path, content: await readInput(path, '--text'), before: await beforeText(request, modelName) };
}

/** A text of the user's is all there is; the general one has others beside it. */
async function beforeText(request: Request, modelName: string | null): Promise<string> {
  if (request.text !== undefined || evaluationSetFor(modelName) !== 'general') return '';
  const { text } = await readTexts('general', 'domains');
  return typeof text === 'string' ? text : text.map((each) => each.text).join('\n');
}

function estimateOf(header: GgufHeader): ContextPlan['estimate'] {
  return (contextSize: number, cacheType: CacheType) => {
    const estimated = footprint(header, { contextSize, cacheType, microBatch: BATCH_SIZE });
    if (estimated === null) return null;
    const { weightsBytes, repackedBytes, kvBytes, stateBytes, computeBytes, totalBytes } = estimated;
    return {
      weightsBytes,
      repackedBytes,
      kvBytes: kvBytes + stateBytes,
      computeBytes,
      totalBytes,
      basis: 'header',
    };
  };
}
