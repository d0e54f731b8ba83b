import { type EvaluationInput, readEvaluation } from '../../api/comparison/evaluation-input.ts';
import { readResults, requireSameSettings } from '../../api/comparison/previous-results.ts';
import { chooseReference, describeVariants, identitiesOf } from '../../api/comparison/variants.ts';
import { saveResults } from '../../api/kept-results.ts';
import { shardOf } from '../../api/shard.ts';
import { requireComparable } from '../../measure/comparable.ts';
import type { ComparisonVariant } from '../../measure/comparison.ts';
import { runEndpointTasks } from '../../measure/endpoint-tasks.ts';
import { isSavedReference, openSavedReference, type SavedReference } from '../../measure/saved-reference.ts';
import type { TaskItem } from '../../measure/tasks.ts';
import { render } from '../../report/registry.ts';
import { reportOf } from '../../report/report.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { EndpointResult, Results, Settings } from '../../schema/results.ts';
import { UsageError } from '../../util/errors.ts';
import { runComparison } from '../comparison/run.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { readGates, requireJudgeable, requireRegressions, tellGates } from '../gates.ts';
import { modelsOnDisk } from '../model-files.ts';
import { stepProgress } from '../step-progress.ts';
import { terminalStyle } from '../style.ts';
import type { EvalOptions } from './command.ts';

export interface EvalRun {
  readonly refs: readonly string[];
  readonly options: EvalOptions;
  readonly signal: AbortSignal;
}

/** The eval command's work: what compare does for accuracy, and what only an evaluation asks for. */
export async function runEval({ refs, options, signal }: EvalRun): Promise<ExitCode> {
  requireMatchingOptions(options);
  const gates = await readGates(options);
  requireRegressions(gates, options);
  const previous = options.resume === undefined ? null : await readResults(options.resume);
  const saved = await savedReferenceOf(options);
  const files = await modelsOnDisk(wantedRefs(refs, previous, saved, options), {
    yes: options.yes,
    quiet: options.quiet,
    signal,
  });
  const variants = withoutNameOf(saved, await describeVariants(files, signal));
  requireComparable(identitiesOf(variants));
  requireSavedFits(saved, variants, options);
  const input = await readEvaluation(options, variants);
  const settings = settingsOf(options, input, saved);
  requireSavedInputs(saved, settings, options);
  if (previous !== null) requireSameSettings(previous, settings, options.threads);
  requireJudgeable(
    gates.gates,
    [
      ...variants.map(({ name }) => name),
      ...(saved === null ? [] : [saved.name]),
      ...(options.model === undefined ? [] : [options.model]),
    ],
    settings,
  );
  const { results, resultsPath } = await runComparison({
    input: {
      variants,
      reference: saved?.name ?? chooseReference(variants, options.reference, hasOthers(options)),
      ...(saved === null ? {} : { saved }),
      settings,
      findThreads: options.threads === 'auto',
      share: options.shard === undefined ? null : shardOf(options.shard, process.env),
      text: input.text,
      taskItems: input.taskItems,
      choiceItems: input.choiceItems,
      previous,
    },
    outPath: options.out ?? options.resume ?? null,
    savedReferencePath: options.saveReference ?? null,
    withWeightError: false,
    timeoutSeconds: options.timeout,
    quiet: options.quiet ?? false,
    signal,
    resumeCommand: (path) => `quantscope eval --resume ${path}`,
  });
  const complete = await withEndpoint(results, input.taskItems, saved, options, signal);
  if (complete !== results) await saveResults(resultsPath, complete);
  print(complete, options);
  if (!options.quiet) process.stderr.write(`Results are in ${resultsPath}\n`);
  if (!options.quiet && options.saveReference !== undefined) {
    process.stderr.write(`The reference's scores are in ${options.saveReference}\n`);
  }
  const verdict = await tellGates(gates, reportOf(complete), options);
  const failed =
    complete.variants.some(({ status }) => status === 'failed') ||
    complete.endpoints?.some(({ tasks }) => !isAvailable(tasks));
  return failed ? EXIT.finding : verdict;
}

/** Later runs or an endpoint will be compared with the reference, so that one variant alone has one. */
function hasOthers({ saveReference, openai }: EvalOptions): boolean {
  return saveReference !== undefined || openai !== undefined;
}

function wantedRefs(
  refs: readonly string[],
  previous: Results | null,
  saved: SavedReference | null,
  { openai }: EvalOptions,
): readonly string[] {
  if (refs.length > 0) return refs;
  if (previous !== null) {
    // The row of a kept reference is not one that was measured.
    return previous.variants.filter(({ name }) => name !== saved?.name).map(({ ref }) => ref);
  }
  return openai === undefined ? ['nano'] : [];
}

function requireMatchingOptions({ openai, model, only, shard, saveReference }: EvalOptions): void {
  if (shard !== undefined && (openai !== undefined || saveReference !== undefined)) {
    const option = openai === undefined ? '--save-reference' : '--openai';
    throw new UsageError('usage/shard', `${option} needs a whole run, and --shard is a part of one`, {
      hint: 'Leave one of them out.',
    });
  }
  if (openai === undefined && model === undefined) return;
  if (openai === undefined || model === undefined) {
    throw new UsageError('usage/endpoint', '--openai and --model belong together', {
      hint: 'Such as --openai http://localhost:8080/v1 --model phi3.',
    });
  }
  if (!only.includes('tasks')) {
    throw new UsageError('usage/endpoint', '--openai asks the tasks, and --only leaves them out');
  }
}

async function savedReferenceOf({ reference, saveReference }: EvalOptions): Promise<SavedReference | null> {
  if (reference === undefined || !(await isSavedReference(reference))) return null;
  if (saveReference === undefined) return openSavedReference(reference);
  throw new UsageError(
    'usage/reference',
    'a kept reference is compared with, not scored: nothing can be saved',
    {
      hint: 'Leave --save-reference out, or score the reference itself: quantscope eval MODEL --save-reference FILE.',
    },
  );
}

/** A candidate that bears the kept reference's name is called by its ref. */
function withoutNameOf(saved: SavedReference | null, variants: ComparisonVariant[]): ComparisonVariant[] {
  return variants.map((variant) =>
    variant.name === saved?.name ? { ...variant, name: variant.ref } : variant,
  );
}

/** @throws UsageError `compare/different-models`, `usage/reference` */
function requireSavedFits(
  saved: SavedReference | null,
  variants: readonly ComparisonVariant[],
  { exact }: EvalOptions,
): void {
  if (saved === null) return;
  const { name, tokenizer, vocabularySize, method } = saved;
  const identities = identitiesOf(variants);
  if (tokenizer !== null) requireComparable([{ name, tokenizer }, ...identities]);
  const other = identities.find((identity) => identity.tokenizer.vocabularySize !== vocabularySize);
  if (other !== undefined) {
    throw new UsageError(
      'compare/different-models',
      `${saved.path} was scored over a vocabulary of ${vocabularySize} tokens, ${other.name} has ${other.tokenizer.vocabularySize}`,
      { hint: 'Compare with a reference of the same model.' },
    );
  }
  if (exact === true && method === 'bounded') {
    throw new UsageError(
      'usage/reference',
      `${saved.path} keeps the likely tokens alone, --exact needs all`,
      {
        hint: 'Score the reference again with --exact --save-reference FILE.',
      },
    );
  }
}

/** What candidates are asked must be what the reference was asked. */
function requireSavedInputs(
  saved: SavedReference | null,
  { evaluation }: Settings,
  { text, tasks }: EvalOptions,
): void {
  if (saved?.head == null) return;
  const { head, path } = saved;
  if (text !== undefined && head.textSha256 !== evaluation.textSha256) {
    throw new UsageError('usage/reference', `${path} was scored on another text than ${text}`, {
      hint: 'Leave --text out: the file holds the text it was scored on.',
    });
  }
  if (head.tasksSha256 !== evaluation.tasksSha256) {
    const which = tasks === undefined ? 'the ones chosen for this model' : tasks;
    throw new UsageError('usage/reference', `${path} was asked other tasks than ${which}`, {
      hint: 'Give --tasks the file that the reference was asked, or leave them out with --only text.',
    });
  }
}

function settingsOf(options: EvalOptions, input: EvaluationInput, saved: SavedReference | null): Settings {
  const { only: parts, quick = false } = options;
  const { evaluation } = input;
  return {
    only: ['accuracy'],
    quick,
    // Nothing is timed, but for what loading and warming up need.
    repetitions: 1,
    promptTokens: 0,
    generationTokens: 0,
    depth: 0,
    batchSize: options.batch,
    threads: typeof options.threads === 'number' ? options.threads : 0,
    gpu: options.gpu,
    gpuLayers: options.gpuLayers,
    flashAttention: 'auto',
    cacheType: 'f16',
    seed: 0,
    evaluation: {
      ...evaluation,
      ...(parts.includes('choices') ? input.choiceEvaluation : {}),
      ...(saved === null ? {} : savedText(saved, evaluation)),
      parts,
    },
    limits: {
      maxMeanKld: options.maxKld,
      minSameTop: options.minSameTop,
      maxPerplexityIncrease: options.maxPerplexityIncrease,
      maxAccuracyDrop: options.maxAccuracyDrop,
    },
  };
}

/** The text is the one that the reference was scored on. */
function savedText({ path, contextSize, head }: SavedReference, { textSha256 }: Settings['evaluation']) {
  return { text: `as scored in ${path}`, textSha256: head?.textSha256 ?? textSha256, contextSize };
}

async function withEndpoint(
  results: Results,
  items: readonly TaskItem[],
  saved: SavedReference | null,
  { openai, model, keyEnv, concurrency, timeout, quiet = false }: EvalOptions,
  signal: AbortSignal,
): Promise<Results> {
  if (openai === undefined || model === undefined) return results;
  const { openAiEndpoint } = await import('./endpoint.ts');
  const key = process.env[keyEnv] || undefined;
  const endpoint = openAiEndpoint({ url: openai, model, key, timeoutMs: timeout * 1000, signal });
  const reference = saved?.row ?? results.variants.find(({ name }) => name === results.reference);
  const progress = stepProgress(process.stderr, quiet, () => '');
  let asked: EndpointResult;
  try {
    asked = await runEndpointTasks(endpoint, {
      items,
      referenceOutcomes: reference && isAvailable(reference.tasks) ? reference.tasks.outcomes : null,
      concurrency,
      signal,
      now: () => performance.now(),
      onItem: (done, total) => progress.update(`${model}: tasks`, done, total),
    });
  } finally {
    progress.clear();
  }
  return { ...results, endpoints: [asked] };
}

function print(results: Results, { json }: EvalOptions): void {
  const style = terminalStyle(process.stdout);
  const text = render(json ? 'json' : 'table', results, { style, details: true });
  process.stdout.write(`${text}\n`);
}
