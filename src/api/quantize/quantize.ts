import { dirname, join } from 'node:path';
import { type EngineSession, startEngineProcess } from '../../engine/index.ts';
import type { Model, ModelHeader } from '../../model/model.ts';
import { matricesWithout } from '../../quantize/imatrix-file.ts';
import { recipeOf } from '../../quantize/recipes.ts';
import type { QuantizedVariant, QuantizeResults } from '../../schema/quantize.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { hostOf, type Progress } from '../host.ts';
import { oneModelFor } from '../local-models.ts';
import { openWorkshop, outputPaths, publish, requireSpace } from './outputs.ts';
import { asIs, isRequantized, mixOf, type Plan, plannedBytes, planRecipe, recipeFields } from './plan.ts';
import { QUANTIZE_DEFAULTS, type QuantizeRequest } from './request.ts';
import { type Settings, settingsOf } from './settings.ts';

const STAGE = 'quantize';

/**
 * What `quantize` does: writes a model by llama-quantize's recipes, byte for byte as that tool does. All recipes are
 * planned before the first is written, and a file gets its name when it is whole.
 * @param ref a model in F32, F16 or BF16; what is on the Hub is downloaded first
 * @throws UsageError `quantize/*`: what cannot work is said before anything is written; EngineError; the signal's reason
 */
export async function quantize(
  ref: string,
  recipes: readonly string[],
  request: QuantizeRequest = {},
): Promise<QuantizeResults> {
  const host = hostOf(request);
  const { signal } = host;
  if (recipes.length === 0) {
    throw new UsageError('quantize/no-recipe', 'no recipe was named', {
      hint: 'Such as quantscope quantize model-F16.gguf Q8_0 Q4_K_M Q2_K; --list names all.',
    });
  }
  const wanted = [...new Map(recipes.map((name) => [recipeOf(name).name, recipeOf(name)])).values()];
  const settings = await settingsOf(request, signal);
  const model = await oneModelFor(ref, 'quantize', host);
  const source = await model.header(signal);
  const shards = request.keepSplit === true ? source.files.length : 1;
  const allPaths = await outputPaths(model, wanted, request, shards);
  await using session = await startEngineProcess({
    gpu: 'off',
    callTimeoutMs: (request.timeout ?? QUANTIZE_DEFAULTS.timeout) * 1000,
    signal,
  });
  const plans: Plan[] = [];
  for (const recipe of wanted) plans.push(await planRecipe(session, model, source, recipe, settings));
  const { version, llamaCpp, build } = session.info;
  if (request.dryRun !== true) {
    host.progress({ kind: 'plan', subjects: wanted.map(({ name }) => name), stages: [STAGE] });
  }
  const variants: QuantizedVariant[] = [];
  for (const [index, plan] of plans.entries()) {
    const paths = allPaths[index] ?? [];
    const variant = describePlan(plan, paths);
    if (request.dryRun === true) {
      variants.push({ ...variant, bytes: plannedBytes(plan, source, settings), durationMs: null });
      continue;
    }
    const left = plans
      .slice(variants.length)
      .reduce((sum, each) => sum + plannedBytes(each, source, settings), 0);
    const written = await write(session, plan, {
      paths,
      model,
      settings,
      neededBytes: left,
      progress: host.progress,
    });
    variants.push({ ...variant, ...written });
    host.progress({ kind: 'end', subject: plan.recipe.name, failure: null });
  }
  host.progress({ kind: 'idle' });
  return {
    schema: SCHEMA_IDS.quantize,
    tool: { version: packageVersion() },
    engine: { version, llamaCpp, build },
    source: { ref: model.ref, bytes: source.bytes, ...mixOf(source.header.tensors.map(asIs)) },
    imatrix: imatrixFacts(request.imatrix, settings, source),
    dryRun: request.dryRun ?? false,
    variants,
  };
}

function describePlan(
  { recipe, tensors, outcome }: Plan,
  paths: readonly string[],
): Omit<QuantizedVariant, 'bytes' | 'durationMs'> {
  const kinds = new Map<string, QuantizedVariant['fallbacks'][number]>();
  for (const { wanted, taken, columns, blockElements } of outcome.fallbacks) {
    const key = `${wanted} ${taken} ${columns}`;
    kinds.set(key, {
      wanted: wanted.toUpperCase(),
      taken: taken.toUpperCase(),
      tensors: (kinds.get(key)?.tensors ?? 0) + 1,
      columns,
      blockElements,
    });
  }
  const { bitsPerWeight, byType } = mixOf(tensors);
  return {
    recipe: recipe.name,
    paths,
    bitsPerWeight,
    byType,
    fallbacks: [...kinds.values()],
    requantized: tensors.filter(isRequantized).length,
  };
}

interface Writing {
  readonly paths: readonly string[];
  readonly model: Model;
  readonly settings: Settings;
  /** Of this file and those that follow. */
  readonly neededBytes: number;
  readonly progress: (progress: Progress) => void;
}

async function write(
  session: EngineSession,
  { recipe, tensors }: Plan,
  { paths, model, settings, neededBytes, progress }: Writing,
): Promise<Pick<QuantizedVariant, 'bytes' | 'durationMs'>> {
  const [path = ''] = paths;
  await using workshop = await openWorkshop(path);
  await requireSpace(dirname(path), neededBytes);
  let total = 0;
  const endsAt = tensors.map(({ tensor }) => {
    total += tensor.sizeBytes;
    return total;
  });
  const started = performance.now();
  await session.quantize(
    {
      ...settings.shared,
      sourcePath: model.path,
      // Of shards llama.cpp adds number and ending.
      outputPath: join(workshop.path, settings.shared.keepSplit ? 'model' : 'model.gguf'),
      ...recipeFields(recipe),
      dryRun: false,
    },
    {
      onStep: ({ done }) =>
        progress({ kind: 'step', subject: recipe.name, stage: STAGE, done: endsAt[done - 1] ?? 0, total }),
    },
  );
  return { bytes: await publish(workshop.path, paths), durationMs: performance.now() - started };
}

function imatrixFacts(
  path: string | undefined,
  { imatrix }: Settings,
  { header }: ModelHeader,
): QuantizeResults['imatrix'] {
  if (path === undefined || imatrix === null) return null;
  return {
    path,
    datasets: [...imatrix.datasets],
    chunks: imatrix.chunks,
    entries: imatrix.entries.length,
    missing: matricesWithout(imatrix.entries, header.tensors),
  };
}
