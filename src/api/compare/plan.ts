import { requireComparable } from '../../measure/comparable.ts';
import type { Model } from '../../model/model.ts';
import type { FittedPhone } from '../../schema/phones.ts';
import type { Results, Settings } from '../../schema/results.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';
import { type EvaluationInput, QUICK, readEvaluation } from '../comparison/evaluation-input.ts';
import { type ComparisonPlan, limitsOf, preferenceOf, runSettingsOf } from '../comparison/measure.ts';
import { readResults, requireSameSettings } from '../comparison/previous-results.ts';
import {
  chooseReference,
  describeVariants,
  type HeaderedVariant,
  identitiesOf,
} from '../comparison/variants.ts';
import { type Host, hostOf } from '../host.ts';
import { modelsFor, modelsNamedIn, oneModelFor } from '../local-models.ts';
import type { Filled } from '../request.ts';
import { shardOf } from '../shard.ts';
import { COMPARE_DEFAULTS, type CompareRequest } from './request.ts';

type Request = Filled<CompareRequest, typeof COMPARE_DEFAULTS>;

const DEFAULT_REPETITIONS = 5;
const BATCH_SIZE = 512;

/**
 * Refs to files to headers to what is going to be measured. What is on the Hub is downloaded.
 * @throws UsageError where the files or the request do not go together
 */
export async function planComparison(
  refs: readonly string[],
  asked: CompareRequest,
): Promise<ComparisonPlan> {
  const request: Request = { ...COMPARE_DEFAULTS, ...asked };
  const host = hostOf(asked);
  if (request.imatrix !== undefined && request.make === undefined) {
    throw new UsageError('compare/imatrix', '--imatrix is for what --make makes, and nothing is made', {
      hint: 'Add --make Q4_K_M, or leave it out.',
    });
  }
  const previous = request.resume === undefined ? null : await readResults(request.resume);
  const models = request.make
    ? await modelsWithMade(refs, request, request.make, host)
    : await modelsOf(refs, previous, request, host);
  const variants = await describeVariants(models, host.signal);
  requireComparable(identitiesOf(variants));
  const reference = chooseReference(variants, request.reference);
  const { evaluation, text, taskItems, choiceItems, toolItems } = await readEvaluation(request, variants);
  const settings = settingsOf(request, evaluation);
  if (previous !== null) requireSameSettings(previous, settings, request.threads);
  return {
    input: {
      text,
      taskItems,
      choiceItems,
      toolItems,
      variants,
      reference,
      settings,
      findThreads: request.threads === 'auto',
      phones: await phonesOf(variants, request, host.notice),
      share: request.shard === undefined ? null : shardOf(request.shard, process.env),
      previous,
    },
    savedReferencePath: null,
    withWeightError: true,
    timeoutSeconds: request.timeout,
    lock: request.lock ?? true,
    endpoint: null,
  };
}

/** Those that were named, those of the results to resume, or the embedded family. */
function modelsOf(
  refs: readonly string[],
  previous: Results | null,
  { resume = '', fetch }: Request,
  host: Required<Host>,
): Promise<Model[]> {
  if (refs.length > 0 || previous === null) return modelsFor(refs.length > 0 ? refs : ['nano'], host);
  const named = previous.variants.map(({ ref }) => ref);
  return modelsNamedIn(resume, named, host, { fetch });
}

/** The source, what is made of it, and whatever else was named. What else may be wrong is said before anything is made. */
async function modelsWithMade(
  [ref, ...others]: readonly string[],
  request: Request,
  make: readonly string[],
  host: Required<Host>,
): Promise<Model[]> {
  const { makeVariants, wantedOf } = await import('./make.ts');
  const wanted = wantedOf(make);
  if (ref === undefined) {
    throw new UsageError('compare/make', '--make needs a model to make variants of', {
      hint: 'Such as quantscope compare phi3-F16.gguf --make Q8_0,Q4_K_M,Q2_K, or nano:F16.',
    });
  }
  const source = await oneModelFor(ref, 'compare', host);
  const beside = others.length > 0 ? await modelsFor(others, host) : [];
  await readEvaluation(request, await describeVariants([source, ...beside], host.signal));
  return [source, ...(await makeVariants(source, wanted, request, host)), ...beside];
}

/** What the asked phones make of the variants that can be read. */
async function phonesOf(
  variants: readonly HeaderedVariant[],
  { device, phoneContext }: Request,
  notice: (text: string) => void,
): Promise<FittedPhone[]> {
  if (device.length === 0) return [];
  const [{ findDevices }, { devicesOf }, { onPhones }] = await Promise.all([
    import('../../device/profiles.ts'),
    import('../fit/device-catalogue.ts'),
    import('../fit/on-phones.ts'),
  ]);
  const catalogue = await devicesOf(undefined);
  const devices = findDevices(device, catalogue, notice);
  const models = variants.flatMap(({ name, ref, header }) =>
    header instanceof QuantscopeError ? [] : [{ name, ref, header }],
  );
  // The results' own type is not read-only.
  return structuredClone(
    onPhones(models, devices, catalogue, { contextSize: phoneContext }),
  ) as FittedPhone[];
}

function settingsOf(request: Request, evaluation: EvaluationInput['evaluation']): Settings {
  const { quick = false, repetitions = quick ? QUICK.repetitions : DEFAULT_REPETITIONS } = request;
  return {
    only: [...request.only],
    quick,
    repetitions,
    ...(request.interleave === true && request.only.includes('speed') ? { interleave: true } : {}),
    promptTokens: request.prompt,
    generationTokens: request.generate,
    depth: request.depth,
    batchSize: BATCH_SIZE,
    ...runSettingsOf(request),
    seed: request.seed,
    evaluation,
    ...preferenceOf(request),
    limits: limitsOf(request),
  };
}
