import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNamedPhi3 } from '../../gguf/index.ts';
import { compareVariants } from '../../measure/comparison.ts';
import type { ComparisonInput } from '../../measure/comparison-plan.ts';
import { type Endpoint, runEndpointTasks } from '../../measure/endpoint-tasks.ts';
import { partsOf, type Step } from '../../measure/variant-plan.ts';
import { localModel, readModel } from '../../model/model.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { Limits, Results, Settings } from '../../schema/results.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { totalWeightError } from '../diff/weights.ts';
import { environmentHere } from '../environment.ts';
import { type Host, hostOf } from '../host.ts';
import type { EngineRequest, Filled, LIMITS_DEFAULTS, LimitsRequest } from '../request.ts';
import { ropeNotice } from '../rope-notice.ts';
import { requireEnoughToMeasure } from './enough.ts';

/** All that is known before anything is measured. */
export interface ComparisonPlan {
  readonly input: Omit<ComparisonInput, 'toolVersion'>;
  /** Where the reference's scores stay; null where they are of no use after the run. */
  readonly savedReferencePath: string | null;
  /** Whether the weights are compared with the reference's too. */
  readonly withWeightError: boolean;
  readonly timeoutSeconds: number;
  /** Whether what is timed waits for what other processes time. */
  readonly lock: boolean;
  /** A model behind an address, which is asked the same tasks afterwards. */
  readonly endpoint: { readonly model: Endpoint; readonly concurrency: number } | null;
}

export interface MeasureOptions extends Host {
  readonly onResults?: (soFar: Results) => Promise<void>;
}

/**
 * Measures on this machine, with its engine. What lies between is in a folder of its own, which goes afterwards.
 * @throws what {@link compareVariants} throws
 */
export async function measureComparison(plan: ComparisonPlan, options: MeasureOptions): Promise<Results> {
  const { input, savedReferencePath } = plan;
  const host = hostOf(options);
  const { signal, progress } = host;
  const { onResults = async () => {} } = options;
  await requireEnoughToMeasure(input, signal);
  await noticeOthers(plan, options);
  const scratch = await mkdtemp(join(tmpdir(), 'quantscope-'));
  progress({
    kind: 'plan',
    subjects: input.variants.map(({ name }) => name),
    stages: stepsOf(input.settings),
  });
  try {
    const results = await compareVariants(
      { ...input, toolVersion: packageVersion() },
      {
        ...(await environmentHere(host, plan.timeoutSeconds, plan.lock)),
        referencePath: savedReferencePath ?? join(scratch, 'reference'),
        keepsReference: savedReferencePath !== null,
        ...(plan.withWeightError
          ? { weightError: (referencePath, path) => totalWeightError(referencePath, path, signal) }
          : {}),
        save: onResults,
        onStep: (subject, stage, done, total) => progress({ kind: 'step', subject, stage, done, total }),
        onVariantEnd: ({ name, status, failure }) =>
          progress({
            kind: 'end',
            subject: name,
            failure: status === 'ok' ? null : (failure?.message ?? ''),
          }),
      },
    );
    progress({ kind: 'idle' });
    if (plan.endpoint === null) return results;
    const complete = await withEndpoint(results, plan, plan.endpoint, { signal, progress });
    await onResults(complete);
    return complete;
  } finally {
    progress({ kind: 'idle' });
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * What else than their weights changes what variants make of a text: the rope factors of the evaluation's context, of
 * which variants of one model have the same, and names by which llama.cpp makes other tokens.
 */
async function noticeOthers({ input }: ComparisonPlan, options: Host): Promise<void> {
  const { signal, notice } = hostOf(options);
  if (!input.settings.only.includes('accuracy')) return;
  const named: { readonly name: string; readonly swallows: boolean }[] = [];
  for (const [index, { name, path }] of input.variants.entries()) {
    const { header } = await readModel(localModel(name, path), signal);
    if (header instanceof QuantscopeError) continue;
    named.push({ name, swallows: isNamedPhi3(header) });
    const rope = index === 0 ? ropeNotice(header, [input.settings.evaluation.contextSize]) : null;
    if (rope !== null) notice(rope);
  }
  const list = (swallows: boolean): string =>
    named.flatMap((each) => (each.swallows === swallows ? [each.name] : [])).join(', ');
  if (list(true) === '' || list(false) === '') return;
  notice(
    `note: by the general.name of ${list(true)} llama.cpp makes special tokens swallow the whitespace behind them, and ` +
      `by that of ${list(false)} not: a text becomes other tokens, and differences are not those of the weights alone`,
  );
}

async function withEndpoint(
  results: Results,
  { input: { saved, taskItems: items } }: ComparisonPlan,
  { model, concurrency }: NonNullable<ComparisonPlan['endpoint']>,
  { signal, progress }: Pick<Required<Host>, 'signal' | 'progress'>,
): Promise<Results> {
  const reference = saved?.row ?? results.variants.find(({ name }) => name === results.reference);
  const endpoint = await runEndpointTasks(model, {
    items,
    referenceOutcomes: reference && isAvailable(reference.tasks) ? reference.tasks.outcomes : null,
    concurrency,
    signal,
    now: () => performance.now(),
    onItem: (done, total) =>
      progress({ kind: 'step', subject: `${model.name}:`, stage: 'tasks', done, total }),
  });
  return { ...results, endpoints: [endpoint] };
}

/** What a variant goes through, for progress. */
function stepsOf(settings: Settings): Step[] {
  const { only } = settings;
  // An evaluation alone hashes beside it, and waits for it at no point.
  const steps: Step[] = only.every((stage) => stage === 'accuracy') ? [] : ['hash'];
  if (only.length > 1 || only[0] !== 'size') steps.push('start', 'load');
  if (only.includes('speed')) steps.push('speed');
  else if (only.includes('memory')) steps.push('memory');
  if (!only.includes('accuracy')) return steps;
  const parts = partsOf(settings);
  if (parts.includes('tasks')) steps.push('tasks');
  if (parts.includes('tools')) steps.push('tools');
  steps.push('start');
  if (parts.includes('text')) steps.push('perplexity');
  if (parts.includes('choices')) steps.push('choices');
  return steps;
}

/** How the engine runs, as results say it: 0 threads stand for llama.cpp's own choice until one has started. */
export function runSettingsOf({ threads, gpu = 'auto', gpuLayers = 'max' }: EngineRequest) {
  return {
    threads: typeof threads === 'number' ? threads : 0,
    gpu,
    gpuLayers,
    flashAttention: 'auto',
    cacheType: 'f16',
  } as const;
}

export function preferenceOf({ prefer = 'size' }: LimitsRequest): Pick<Settings, 'prefer'> {
  return prefer === 'size' ? {} : { prefer };
}

export function limitsOf(request: Filled<LimitsRequest, typeof LIMITS_DEFAULTS>): Limits {
  const { maxKld, minSameTop, maxPerplexityIncrease, maxAccuracyDrop } = request;
  return { maxMeanKld: maxKld, minSameTop, maxPerplexityIncrease, maxAccuracyDrop };
}
