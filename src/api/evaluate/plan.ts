import { requireComparable } from '../../measure/comparable.ts';
import type { ComparisonVariant } from '../../measure/comparison-rows.ts';
import { askedOf } from '../../measure/questions.ts';
import { isReferenceFile, openReference, type ReferenceFile } from '../../measure/reference-file.ts';
import type { Results, Settings } from '../../schema/results.ts';
import { UsageError } from '../../util/errors.ts';
import { type EvaluationInput, readEvaluation } from '../comparison/evaluation-input.ts';
import { type ComparisonPlan, limitsOf, preferenceOf, runSettingsOf } from '../comparison/measure.ts';
import { readResults, requireSameSettings } from '../comparison/previous-results.ts';
import { chooseReference, describeVariants, identitiesOf } from '../comparison/variants.ts';
import { hostOf } from '../host.ts';
import { modelsFor, modelsNamedIn } from '../local-models.ts';
import type { Filled } from '../request.ts';
import { shardOf } from '../shard.ts';
import { EVALUATE_DEFAULTS, type EvaluateRequest } from './request.ts';

type Request = Filled<EvaluateRequest, typeof EVALUATE_DEFAULTS>;

/**
 * Refs to files to headers to what is going to be evaluated. What is on the Hub is downloaded.
 * @throws UsageError where the files or the request do not go together
 */
export async function planEvaluation(
  refs: readonly string[],
  asked: EvaluateRequest,
): Promise<ComparisonPlan> {
  const request = withTools({ ...EVALUATE_DEFAULTS, ...asked });
  const host = hostOf(asked);
  requireMatchingFields(request);
  const endpoint = await endpointOf(request, host.signal);
  const previous = request.resume === undefined ? null : await readResults(request.resume);
  const saved = await savedReferenceOf(request);
  const wanted = wantedRefs(refs, previous, saved, request);
  const models =
    refs.length > 0 || request.resume === undefined
      ? await modelsFor(wanted, host)
      : await modelsNamedIn(request.resume, wanted, host, request);
  const variants = withoutNameOf(saved, await describeVariants(models, host.signal));
  requireComparable(identitiesOf(variants));
  requireSavedFits(saved, variants);
  const input = await readEvaluation(request, variants);
  const settings = settingsOf(request, input, saved);
  requireSavedInputs(saved, settings.evaluation.textSha256, input, request);
  if (previous !== null) requireSameSettings(previous, settings, request.threads);
  // Later runs or an endpoint are compared with the reference, so that one variant alone has one too.
  const isForOthers = request.saveReference !== undefined || endpoint !== null;
  return {
    input: {
      variants,
      reference: saved?.name ?? chooseReference(variants, request.reference, isForOthers),
      ...(saved === null ? {} : { saved }),
      settings,
      findThreads: request.threads === 'auto',
      share: request.shard === undefined ? null : shardOf(request.shard, process.env),
      text: input.text,
      taskItems: input.taskItems,
      choiceItems: input.choiceItems,
      toolItems: input.toolItems,
      previous,
    },
    savedReferencePath: request.saveReference ?? null,
    withWeightError: false,
    timeoutSeconds: request.timeout,
    lock: request.lock ?? true,
    endpoint,
  };
}

/** Naming tool calls asks for them. */
function withTools(request: Request): Request {
  const { only, tools, grammar = false } = request;
  const isNamed = tools !== undefined || grammar;
  return isNamed && !only.includes('tools') ? { ...request, only: [...only, 'tools'] } : request;
}

function requireMatchingFields({ openai, model, only, shard, saveReference }: Request): void {
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

async function endpointOf(request: Request, signal: AbortSignal): Promise<ComparisonPlan['endpoint']> {
  const { openai: url, model, keyEnv, concurrency, timeout } = request;
  if (url === undefined || model === undefined) return null;
  const { openAiEndpoint } = await import('./endpoint.ts');
  const key = process.env[keyEnv] || undefined;
  return { model: openAiEndpoint({ url, model, key, timeoutMs: timeout * 1000, signal }), concurrency };
}

function wantedRefs(
  refs: readonly string[],
  previous: Results | null,
  saved: ReferenceFile | null,
  { openai }: Request,
): readonly string[] {
  if (refs.length > 0) return refs;
  if (previous !== null) {
    // The row of a kept reference is not one that was measured.
    return previous.variants.filter(({ name }) => name !== saved?.name).map(({ ref }) => ref);
  }
  return openai === undefined ? ['nano'] : [];
}

async function savedReferenceOf({ reference, saveReference }: Request): Promise<ReferenceFile | null> {
  if (reference === undefined || !(await isReferenceFile(reference))) return null;
  if (saveReference === undefined) return openReference(reference);
  throw new UsageError(
    'usage/reference',
    'a kept reference is compared with, not scored: nothing can be saved',
    {
      hint: 'Leave --save-reference out, or score the reference itself: quantscope eval MODEL --save-reference FILE.',
    },
  );
}

/** A candidate that bears the kept reference's name is called by its ref. */
function withoutNameOf(saved: ReferenceFile | null, variants: ComparisonVariant[]): ComparisonVariant[] {
  return variants.map((variant) =>
    variant.name === saved?.name ? { ...variant, name: variant.ref } : variant,
  );
}

/** @throws UsageError `compare/different-models`, `usage/reference` */
function requireSavedFits(saved: ReferenceFile | null, variants: readonly ComparisonVariant[]): void {
  if (saved === null) return;
  const { name, inputs, vocabularySize } = saved;
  const identities = identitiesOf(variants);
  if (inputs !== null) requireComparable([{ name, tokenizer: inputs.tokenizer }, ...identities]);
  const other = identities.find((identity) => identity.tokenizer.vocabularySize !== vocabularySize);
  if (other !== undefined) {
    throw new UsageError(
      'compare/different-models',
      `${saved.path} was scored over a vocabulary of ${vocabularySize} tokens, ${other.name} has ${other.tokenizer.vocabularySize}`,
      { hint: 'Compare with a reference of the same model.' },
    );
  }
}

/** What candidates are asked must be what the reference was asked, in the same way. */
function requireSavedInputs(
  saved: ReferenceFile | null,
  textSha256: string,
  input: EvaluationInput,
  request: Request,
): void {
  if (saved?.inputs == null) return;
  const { inputs, path } = saved;
  const { text } = request;
  if (text !== undefined && inputs.textSha256 !== textSha256) {
    throw new UsageError('usage/reference', `${path} was scored on another text than ${text}`, {
      hint: 'Leave --text out: the file holds the text it was scored on.',
    });
  }
  const asked = askedOf(input, request.only);
  for (const [part, noun] of QUESTION_NOUNS) {
    const before = inputs.asked[part];
    if (asked[part] === undefined || asked[part] === before) continue;
    if (before === undefined && part !== 'tools') continue;
    const file = request[part];
    const which = file === undefined ? 'the usual ones' : [file].flat().join(', ');
    const other = before === undefined ? `for no ${noun}` : `other ${noun} than ${which}, or in another way`;
    throw new UsageError('usage/reference', `${path} was asked ${other}`, {
      hint:
        `Give --${part}, --quick, --few-shot and --template as the reference was given them, and --until-decided to ` +
        'both or neither; or leave them out with --only text; or score the reference again.',
    });
  }
}

const QUESTION_NOUNS = [
  ['tasks', 'tasks'],
  ['choices', 'questions of multiple choice'],
  ['tools', 'tool calls'],
] as const;

function settingsOf(request: Request, input: EvaluationInput, saved: ReferenceFile | null): Settings {
  const { only: parts, quick = false } = request;
  const { evaluation } = input;
  return {
    only: ['accuracy'],
    quick,
    // Nothing is timed, but for what loading and warming up need.
    repetitions: 1,
    promptTokens: 0,
    generationTokens: 0,
    depth: 0,
    batchSize: request.batch,
    ...runSettingsOf(request),
    seed: 0,
    evaluation: {
      ...evaluation,
      ...(parts.includes('choices') ? input.choiceEvaluation : {}),
      ...input.toolEvaluation,
      ...(saved === null ? {} : savedText(saved, evaluation)),
      parts: [...parts],
    },
    ...preferenceOf(request),
    limits: limitsOf(request),
  };
}

/** The text is the one that the reference was scored on. */
function savedText({ path, contextSize, inputs }: ReferenceFile, { textSha256 }: Settings['evaluation']) {
  return { text: `as scored in ${path}`, textSha256: inputs?.textSha256 ?? textSha256, contextSize };
}
