import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readInput, shown } from '../../api/comparison/evaluation-input.ts';
import { keptResultsPath, saveResults } from '../../api/kept-results.ts';
import { footprint } from '../../device/footprint.ts';
import type { CacheType } from '../../engine/engine.ts';
import { engineStarter } from '../../engine/index.ts';
import type { GgufHeader } from '../../gguf/index.ts';
import { type ContextPlan, hasFailure, measureContexts } from '../../measure/context-run.ts';
import { evaluationSetFor } from '../../measure/evaluation-data.ts';
import { sha256OfText } from '../../measure/file-hash.ts';
import { describeMachine } from '../../measure/machine.ts';
import { watchMachine } from '../../measure/machine-watch.ts';
import { describeFile } from '../../measure/size.ts';
import { readModel } from '../../model/model.ts';
import { renderContext } from '../../report/context.ts';
import type { ContextResults } from '../../schema/context.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';
import { packagePath, packageVersion } from '../../util/package-files.ts';
import { formatCount } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { modelsOnDisk } from '../model-files.ts';
import { stepProgress } from '../step-progress.ts';
import { terminalStyle } from '../style.ts';
import type { ContextOptions } from './command.ts';

const SMALLEST_CONTEXT = 512;
/** What a model whose header names no context is measured up to, and what is measured without being asked for. */
const LARGEST_MEASURED = 8192;
const BATCH_SIZE = 512;

export interface ContextRun {
  readonly ref: string;
  readonly options: ContextOptions;
  readonly signal: AbortSignal;
}

/** The context command's work: one ref to its header, to a plan of sizes and cache types, to what is printed. */
export async function runContextCommand({ ref, options, signal }: ContextRun): Promise<ExitCode> {
  const files = await modelsOnDisk([ref], { yes: options.yes, quiet: options.quiet, signal });
  const [file, ...others] = files;
  if (file === undefined || others.length > 0) {
    throw new UsageError('context/several-models', `"${ref}" stands for ${files.length} models, need one`, {
      hint: `Name one of them, such as ${file?.ref ?? 'model.gguf'}.`,
    });
  }
  const { header, path } = await readModel(file, signal);
  if (header instanceof QuantscopeError) throw header;
  const described = describeFile(header, path);
  const sizes = sizesOf(options.sizes, described.model.contextLength);
  const text = await textOf(options, described.model.name);
  const outPath = options.out ?? (await keptResultsPath());
  const plan: ContextPlan = {
    path,
    described,
    model: {
      ref: file.ref,
      name: described.model.name,
      architecture: described.model.architecture,
      quantization: described.quantization.label,
      parameters: described.model.parameters,
      sizeBytes: described.tokenRead.weightsBytes,
      contextLength: described.model.contextLength,
    },
    settings: {
      contextSizes: sizes,
      cacheTypes: options.cacheTypes,
      generationTokens: options.generate,
      repetitions: options.repetitions,
      batchSize: BATCH_SIZE,
      threads: typeof options.threads === 'number' ? options.threads : 0,
      promptThreads: typeof options.threads === 'number' ? options.threads : 0,
      gpu: options.gpu,
      gpuLayers: options.gpuLayers,
      seed: options.seed,
      evaluation:
        text === null
          ? null
          : {
              text: shown(text.path),
              textSha256: sha256OfText(text.content),
              contextSize: options.evalContext,
              chunks: options.chunks,
            },
    },
    findThreads: options.threads === 'auto',
    largestMeasured: options.sizes === undefined ? LARGEST_MEASURED : Number.POSITIVE_INFINITY,
    budget:
      options.memory === undefined
        ? { bytes: process.availableMemory(), basis: 'free' }
        : { bytes: options.memory, basis: 'asked' },
    text: text?.content ?? '',
    estimate: estimateOf(header),
    toolVersion: packageVersion(),
  };
  const results = await measure(plan, outPath, options, signal);
  process.stdout.write(
    `${options.json ? JSON.stringify(results, null, 2) : renderContext(results, { style: terminalStyle(process.stdout) })}\n`,
  );
  if (!options.quiet) process.stderr.write(`Results are in ${outPath}\n`);
  return hasFailure(results) ? EXIT.finding : EXIT.done;
}

async function measure(
  plan: ContextPlan,
  outPath: string,
  options: ContextOptions,
  signal: AbortSignal,
): Promise<ContextResults> {
  const scratch = await mkdtemp(join(tmpdir(), 'quantscope-'));
  const machine = describeMachine();
  let rows = 0;
  const total = plan.settings.contextSizes.length * plan.settings.cacheTypes.length;
  const quiet = options.quiet ?? false;
  const progress = stepProgress(process.stderr, quiet, () => `${rows} of ${total} done`);
  try {
    const results = await measureContexts(plan, {
      startEngine: engineStarter(),
      callTimeoutMs: options.timeout * 1000,
      machine,
      watch: await watchMachine(machine.cores),
      freeBytes: () => process.availableMemory(),
      now: () => new Date(),
      signal,
      referencePath: join(scratch, 'reference'),
      onStep: progress.update,
      onRow: async ({ contextSize, cacheType, failure }, soFar) => {
        rows += 1;
        progress.clear();
        const end = failure === null ? 'done' : `failed: ${failure.message}`;
        if (!quiet) process.stderr.write(`${formatCount(contextSize)} tokens, ${cacheType}: ${end}\n`);
        await saveResults(outPath, soFar);
      },
    });
    await saveResults(outPath, results);
    return results;
  } catch (thrown) {
    progress.clear();
    if (signal.aborted && rows > 0 && !quiet)
      process.stderr.write(`Stopped. The ${rows} sizes that ended are in ${outPath}\n`);
    throw thrown;
  } finally {
    progress.clear();
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * The sizes asked for, or doubling ones up to the model's own, and that one.
 * @throws UsageError `context/too-large` for a size that the model was not trained for
 */
function sizesOf(asked: readonly number[] | undefined, own: number | null): number[] {
  const limit = own ?? LARGEST_MEASURED;
  if (asked !== undefined) {
    const beyond = asked.find((size) => own !== null && size > own);
    if (beyond === undefined) return [...asked].sort((a, b) => a - b);
    throw new UsageError(
      'context/too-large',
      `a context of ${formatCount(beyond)} tokens is more than the ${formatCount(limit)} that the model was trained for`,
      { hint: `Give --sizes up to ${limit}.` },
    );
  }
  const sizes: number[] = [];
  for (let size = SMALLEST_CONTEXT; size < limit; size *= 2) sizes.push(size);
  return [...sizes, limit];
}

interface EvaluationText {
  readonly path: string;
  readonly content: string;
}

/** null when accuracy is left out. */
async function textOf(options: ContextOptions, modelName: string | null): Promise<EvaluationText | null> {
  if (!options.accuracy) return null;
  const path = options.text ?? packagePath(`fixtures/${evaluationSetFor(modelName)}/text.txt`);
  return { path, content: await readInput(path, '--text') };
}

function estimateOf(header: GgufHeader): ContextPlan['estimate'] {
  return (contextSize: number, cacheType: CacheType) => {
    const estimated = footprint(header, { contextSize, cacheType, microBatch: BATCH_SIZE });
    if (estimated === null) return null;
    const { weightsBytes, kvBytes, stateBytes, computeBytes, totalBytes } = estimated;
    return { weightsBytes, kvBytes: kvBytes + stateBytes, computeBytes, totalBytes };
  };
}
