import { requireComparable } from '../../measure/comparable.ts';
import type { FittedPhone } from '../../measure/phones-contract.ts';
import type { Settings } from '../../measure/results.ts';
import { render } from '../../report/registry.ts';
import { reportOf } from '../../report/report.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { type EvaluationInput, QUICK, readEvaluation } from '../comparison/evaluation-input.ts';
import { readResults, requireSameSettings } from '../comparison/previous-results.ts';
import { runComparison } from '../comparison/run.ts';
import {
  chooseReference,
  describeVariants,
  type HeaderedVariant,
  identitiesOf,
} from '../comparison/variants.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { readGates, requireJudgeable, requireRegressions, tellGates } from '../gates.ts';
import { filesOf } from '../model-files.ts';
import { shardOf } from '../shard.ts';
import { terminalStyle } from '../style.ts';
import type { CompareOptions } from './command.ts';

const DEFAULT_REPETITIONS = 5;
const BATCH_SIZE = 512;

export interface CompareRun {
  /** As given; none stands for the embedded family, or for the files of the results to resume. */
  readonly refs: readonly string[];
  readonly options: CompareOptions;
  readonly signal: AbortSignal;
}

/** The compare command's work: refs to files to headers, then measurement, then what is printed. */
export async function runCompare({ refs, options, signal }: CompareRun): Promise<ExitCode> {
  const gates = await readGates(options);
  requireRegressions(gates, options);
  const previous = options.resume === undefined ? null : await readResults(options.resume);
  const unnamed = previous === null ? ['nano'] : previous.variants.map(({ ref }) => ref);
  const wanted = refs.length > 0 ? refs : unnamed;
  const files = await filesOf(wanted, { yes: options.yes, quiet: options.quiet, signal });
  const variants = await describeVariants(files, signal);
  requireComparable(identitiesOf(variants));
  const reference = chooseReference(variants, options.reference);
  const { evaluation, text, taskItems, choiceItems } = await readEvaluation(options, variants);
  const settings = settingsOf(options, evaluation);
  if (previous !== null) requireSameSettings(previous, settings, options.threads);
  requireJudgeable(
    gates.gates,
    variants.map(({ name }) => name),
    settings,
  );
  const phones = await phonesOf(variants, options);
  const { results, resultsPath } = await runComparison({
    input: {
      text,
      taskItems,
      choiceItems,
      variants,
      reference,
      settings,
      findThreads: options.threads === 'auto',
      phones,
      share: options.shard === undefined ? null : shardOf(options.shard, process.env),
      previous,
    },
    outPath: options.out ?? options.resume ?? null,
    savedReferencePath: null,
    withWeightError: true,
    timeoutSeconds: options.timeout,
    quiet: options.quiet ?? false,
    signal,
    resumeCommand: (path) => `quantscope compare --resume ${path}`,
  });
  const format = options.json ? 'json' : 'table';
  const style = terminalStyle(process.stdout);
  process.stdout.write(`${render(format, results, { style, details: options.details ?? false })}\n`);
  if (!options.quiet) process.stderr.write(`Results are in ${resultsPath}\n`);
  if (options.html !== undefined) {
    const { writeComparisonPage } = await import('../report/html-file.ts');
    await writeComparisonPage(options.html, results, signal);
    if (!options.quiet) process.stderr.write(`The page is in ${options.html}\n`);
  }
  const verdict = await tellGates(gates, reportOf(results), options);
  return results.variants.some(({ status }) => status === 'failed') ? EXIT.finding : verdict;
}

/** What the asked phones make of the variants that can be read. */
async function phonesOf(
  variants: readonly HeaderedVariant[],
  { device, phoneContext }: CompareOptions,
): Promise<FittedPhone[]> {
  if (device.length === 0) return [];
  const [{ findDevice }, { devicesOf }, { onPhones }] = await Promise.all([
    import('../../device/profiles.ts'),
    import('../device-catalogue.ts'),
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
