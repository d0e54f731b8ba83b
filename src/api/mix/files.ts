import { dirname, join, resolve } from 'node:path';
import type { EngineSession } from '../../engine/index.ts';
import type { TensorType } from '../../gguf/index.ts';
import type { Model } from '../../model/model.ts';
import type { Mix } from '../../quantize/choose-types.ts';
import { type MetadataOverride, type Recipe, typeId } from '../../quantize/recipes.ts';
import type { MixResults } from '../../schema/mix.ts';
import { UsageError } from '../../util/errors.ts';
import { writeOutput } from '../../util/output-file.ts';
import { packageVersion } from '../../util/package-files.ts';
import { outputName, publish, requireFree, requireOther, usualFolder } from '../quantize/outputs.ts';
import { recipeFields } from '../quantize/plan.ts';
import type { Settings } from '../quantize/settings.ts';
import type { MixRequest } from './request.ts';
import type { TypesByTensor } from './workbench.ts';

export const OUT_HINT = 'Free some space, or name another file with --out.';

/** Where everything goes that one mix writes. */
export interface MixPaths {
  readonly file: string;
  readonly folder: string;
  /** The recipe for llama-quantize's `--tensor-type-file`. */
  readonly types: string;
  readonly results: string;
  /** Losses, as they were measured. */
  readonly journal: string;
}

/** @throws UsageError `mix/out`, `quantize/exists`, `quantize/same-file` */
export async function mixPaths(model: Model, label: string, request: MixRequest): Promise<MixPaths> {
  const { out, force, resume, shard } = request;
  const name = `${outputName(model.path, { name: `mix-${label}` })}.gguf`;
  const file = resolve(out ?? join(usualFolder(model), name));
  if (!/\.gguf$/i.test(file)) {
    throw new UsageError('mix/out', `--out ${out}: expected a name that ends in .gguf`, {
      hint: `Such as --out ${name}.`,
    });
  }
  const stem = file.replace(/\.gguf$/i, '');
  const share = shard === undefined ? '' : `.${shard.index}-of-${shard.count}`;
  const paths = {
    file,
    folder: dirname(file),
    types: `${stem}.types.txt`,
    results: `${stem}.json`,
    journal: `${stem}${share}.measured.jsonl`,
  };
  await requireOther(model, [file]);
  if (force === true) return paths;
  if (shard === undefined) await requireFree([file, paths.types, paths.results]);
  if (resume === true) return paths;
  await requireFree([paths.journal]).catch((cause: unknown) => {
    throw new UsageError('quantize/exists', `${paths.journal} is there already: losses that were measured`, {
      cause,
      hint: 'Go on with it: --resume. Start anew: --force.',
    });
  });
  return paths;
}

/** Of each tensor of the groups the type that its group got. */
export function typesOfMix(
  groups: readonly { readonly tensors: readonly string[] }[],
  { choices }: Pick<Mix, 'choices'>,
): Map<string, TensorType> {
  return new Map(
    groups.flatMap(({ tensors }, index) => {
      const type = choices[index]?.type;
      return type === undefined ? [] : tensors.map((tensor) => [tensor, type] as const);
    }),
  );
}

/** A pattern that finds this tensor alone. */
function patternOf(tensor: string): string {
  return `^${tensor.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
}

/** What the file's metadata says of its making; the types themselves stand with its tensors. */
export function marksOf(goal: string, text: string): MetadataOverride[] {
  return [
    { key: 'quantscope.mix', type: 'str', value: `quantscope ${packageVersion()}` },
    { key: 'quantscope.mix.goal', type: 'str', value: goal },
    { key: 'quantscope.mix.text', type: 'str', value: text },
  ];
}

export function marked(settings: Settings, marks: readonly MetadataOverride[]): Settings {
  return {
    ...settings,
    shared: { ...settings.shared, overrides: [...settings.shared.overrides, ...marks] },
  };
}

/** Writes a model in these types, by llama.cpp. */
export async function writeMix(
  session: EngineSession,
  sourcePath: string,
  outputPath: string,
  recipe: Recipe,
  types: TypesByTensor,
  { shared }: Settings,
): Promise<void> {
  await session.quantize(
    {
      ...shared,
      ...recipeFields(recipe),
      sourcePath,
      outputPath,
      dryRun: false,
      tensorTypes: [...types].map(([tensor, type]) => ({ pattern: patternOf(tensor), type: typeId(type) })),
    },
    { onStep: () => {} },
  );
}

export interface Kept {
  readonly types: TypesByTensor;
  readonly recipe: Recipe;
  readonly model: Model;
  readonly marks: readonly MetadataOverride[];
  readonly request: MixRequest;
}

/** Gives the file its name, and its recipe a file of its own, from which llama-quantize makes the same bytes. */
export async function keepMix(
  workshop: string,
  paths: MixPaths,
  { types, recipe, model, marks, request }: Kept,
): Promise<NonNullable<MixResults['written']>> {
  const lines = [...types].map(([tensor, type]) => `${patternOf(tensor)}=${type.toLowerCase()}`);
  await writeOutput(paths.types, `${lines.join('\n')}\n`, OUT_HINT);
  const bytes = await publish(workshop, [paths.file]);
  const command = [
    'llama-quantize',
    ...(request.allowRequantize === true ? ['--allow-requantize'] : []),
    ...(request.imatrix === undefined ? [] : ['--imatrix', quoted(request.imatrix)]),
    ...marks.flatMap(({ key, type, value }) => ['--override-kv', quoted(`${key}=${type}:${value}`)]),
    ...['--tensor-type-file', quoted(paths.types), quoted(model.path), quoted(paths.file), recipe.name],
  ].join(' ');
  return { path: paths.file, bytes, tensorTypeFile: paths.types, command };
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replaceAll(/(["\\$`])/g, '\\$1')}"`;
}
