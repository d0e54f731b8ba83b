import type { CompareOptions } from '../../cli/compare/command.ts';
import { requireComparable } from '../../measure/comparable.ts';
import type { Model } from '../../model/model.ts';
import type { FittedPhone } from '../../schema/phones.ts';
import type { Results, Settings } from '../../schema/results.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { type EvaluationInput, QUICK, readEvaluation } from '../comparison/evaluation-input.ts';
import type { FiguresRun } from '../comparison/measure.ts';
import { requireSameSettings } from '../comparison/previous-results.ts';
import {
  chooseReference,
  describeVariants,
  type HeaderedVariant,
  identitiesOf,
} from '../comparison/variants.ts';
import { shardOf } from '../shard.ts';

const DEFAULT_REPETITIONS = 5;
const BATCH_SIZE = 512;

export interface ComparisonPlan {
  /** On this machine. */
  readonly models: readonly Model[];
  readonly options: CompareOptions;
  /** Results to complete. */
  readonly previous: Results | null;
  readonly signal: AbortSignal;
}

/**
 * Models to headers to what is going to be measured.
 * @throws UsageError where the files or the options do not go together
 */
export async function planComparison({
  models,
  options,
  previous,
  signal,
}: ComparisonPlan): Promise<FiguresRun['input']> {
  const variants = await describeVariants(models, signal);
  requireComparable(identitiesOf(variants));
  const reference = chooseReference(variants, options.reference);
  const { evaluation, text, taskItems, choiceItems } = await readEvaluation(options, variants);
  const settings = settingsOf(options, evaluation);
  if (previous !== null) requireSameSettings(previous, settings, options.threads);
  return {
    text,
    taskItems,
    choiceItems,
    variants,
    reference,
    settings,
    findThreads: options.threads === 'auto',
    phones: await phonesOf(variants, options),
    share: options.shard === undefined ? null : shardOf(options.shard, process.env),
    previous,
  };
}

/** What the asked phones make of the variants that can be read. */
async function phonesOf(
  variants: readonly HeaderedVariant[],
  { device, phoneContext }: CompareOptions,
): Promise<FittedPhone[]> {
  if (device.length === 0) return [];
  const [{ findDevice }, { devicesOf }, { onPhones }] = await Promise.all([
    import('../../device/profiles.ts'),
    import('../fit/device-catalogue.ts'),
    import('../fit/on-phones.ts'),
  ]);
  const catalogue = await devicesOf(undefined);
  const devices = [...new Set(device.map((name) => findDevice(name, catalogue)))];
  const models = variants.flatMap(({ name, ref, header }) =>
    header instanceof QuantscopeError ? [] : [{ name, ref, header }],
  );
  // Written out by its own contract, which is not read-only.
  return structuredClone(
    onPhones(models, devices, catalogue, { contextSize: phoneContext }),
  ) as FittedPhone[];
}

function settingsOf(options: CompareOptions, evaluation: EvaluationInput['evaluation']): Settings {
  return {
    only: options.only,
    quick: options.quick ?? false,
    repetitions: options.repetitions ?? (options.quick ? QUICK.repetitions : DEFAULT_REPETITIONS),
    promptTokens: options.prompt,
    generationTokens: options.generate,
    depth: options.depth,
    batchSize: BATCH_SIZE,
    threads: typeof options.threads === 'number' ? options.threads : 0,
    gpu: options.gpu,
    gpuLayers: options.gpuLayers,
    flashAttention: 'auto',
    cacheType: 'f16',
    seed: options.seed,
    evaluation,
    limits: {
      maxMeanKld: options.maxKld,
      minSameTop: options.minSameTop,
      maxPerplexityIncrease: options.maxPerplexityIncrease,
      maxAccuracyDrop: options.maxAccuracyDrop,
    },
  };
}
