import { basename, dirname, join } from 'node:path';
import { buildChoiceOf, findBinary } from '../../engine/index.ts';
import { sha256OfFiles } from '../../measure/file-hash.ts';
import { localModel, type Model } from '../../model/model.ts';
import { recipeOf } from '../../quantize/recipes.ts';
import { UsageError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { parseBytes } from '../../util/units.ts';
import type { Host } from '../host.ts';
import {
  folderOf,
  type Ingredients,
  type MadeRecord,
  madeFolder,
  recordOfMade,
  writeMadeRecord,
} from '../made-files.ts';
import { outputName } from '../quantize/outputs.ts';

/** What is to be made of a model: a stock recipe, or a mix of a size or of a recipe's size. */
type Wanted =
  | { readonly kind: 'recipe'; readonly name: string }
  | { readonly kind: 'mix'; readonly name: string; readonly size: number }
  | { readonly kind: 'mix'; readonly name: string; readonly like: string };

/**
 * What `--make` names.
 * @throws UsageError `compare/make`, `quantize/no-recipe`
 */
export function wantedOf(words: readonly string[]): Wanted[] {
  const wanted = words.map((word): Wanted => {
    const [, target] = /^mix:(.*)$/i.exec(word) ?? [];
    if (target === undefined) return { kind: 'recipe', name: recipeOf(word).name };
    const size = parseBytes(target);
    if (size !== undefined) return { kind: 'mix', name: `mix-${target.replace(/\s/g, '')}`, size };
    if (/^[\d.]*$/.test(target)) {
      throw new UsageError('compare/make', `--make ${word}: expected a size with its unit, or a recipe`, {
        hint: 'Such as mix:2.0GB, mix:800MiB or mix:Q4_K_M.',
      });
    }
    const like = recipeOf(target).name;
    return { kind: 'mix', name: `mix-${like}`, like };
  });
  return [...new Map(wanted.map((each) => [each.name, each])).values()];
}

/**
 * Files of a model in other types, from the cache of what was made, where missing ones are made: all stock recipes of
 * them first, whose space is checked before the first is written.
 * @throws what `quantize` and `makeMix` throw
 */
export async function makeVariants(
  source: Model,
  wanted: readonly Wanted[],
  { imatrix }: { readonly imatrix?: string },
  host: Required<Host>,
): Promise<Model[]> {
  const ingredients = await ingredientsOf(source, imatrix, host);
  const places = new Map(wanted.map((each) => [each, placeOf(source, each, ingredients)]));
  const missing: Wanted[] = [];
  for (const [each, place] of places) if ((await recordOfMade(place)) === undefined) missing.push(each);
  const kept = wanted.length - missing.length;
  if (kept > 0) host.notice(`${kept} of ${wanted.length} were made before, in ${madeFolder()}`);
  const options = imatrix === undefined ? {} : { imatrix };
  const record = async (each: Wanted) =>
    keepRecord(
      places.get(each) ?? '',
      {
        recipe: each.name,
        source: basename(source.path),
        sourceSha256: ingredients.sourceSha256,
        imatrix: imatrix ?? null,
        llamaCpp: ingredients.versions[0] ?? '',
      },
      host.signal,
    );
  const recipes = missing.filter(({ kind }) => kind === 'recipe');
  const [first] = recipes;
  if (first !== undefined) {
    const { quantize } = await import('../quantize/quantize.ts');
    const out = dirname(places.get(first) ?? '');
    // What a run that was killed left there has no record.
    await quantize(
      source.ref,
      recipes.map(({ name }) => name),
      { ...host, ...options, out, force: true },
    ).catch(asOfCompare);
    for (const each of recipes) await record(each);
  }
  for (const each of missing) {
    if (each.kind !== 'mix') continue;
    const { makeMix } = await import('../mix/mix.ts');
    const target = 'size' in each ? { size: each.size } : { like: each.like };
    const out = places.get(each) ?? '';
    await makeMix(source.ref, {
      ...host,
      ...options,
      ...target,
      out,
      force: true,
      resume: true,
      always: true,
    });
    await record(each);
  }
  host.progress({ kind: 'idle' });
  return [...places.values()].map((place) => localModel(place, place));
}

/** Hints where `quantize` would name options that `compare` has not. */
const HINTS: Readonly<Record<string, string>> = {
  'quantize/requantize':
    'Name the F16 or BF16 file of the model. quantscope quantize --allow-requantize makes files of this one, too.',
  'quantize/no-space':
    'Free some space, for one by quantscope cache remove made, or name another place by XDG_CACHE_HOME.',
};

function asOfCompare(thrown: unknown): never {
  const hint = thrown instanceof UsageError ? HINTS[thrown.code] : undefined;
  if (!(thrown instanceof UsageError) || hint === undefined) throw thrown;
  throw new UsageError(thrown.code, thrown.message, { cause: thrown, hint });
}

async function ingredientsOf(
  source: Model,
  imatrix: string | undefined,
  { signal, progress }: Required<Host>,
): Promise<Ingredients> {
  const { files, bytes } = await source.header(signal);
  const paths = files.map(({ path }) => path);
  const sourceSha256 = await sha256OfFiles(paths, signal, (done) =>
    progress({ kind: 'step', subject: basename(source.path), stage: 'hash', done, total: bytes }),
  );
  const { llamaCpp, version } = await findBinary('off', buildChoiceOf(process.env));
  return {
    sourceSha256,
    imatrixSha256: imatrix === undefined ? null : await sha256OfFiles([imatrix], signal),
    versions: [llamaCpp, version],
  };
}

function placeOf(source: Model, { kind, name }: Wanted, ingredients: Ingredients): string {
  // How a mix is chosen may change with this program; what a recipe is, with llama.cpp alone.
  const versions = kind === 'mix' ? [...ingredients.versions, packageVersion()] : ingredients.versions;
  const file = `${outputName(source.path, { name })}.gguf`;
  return join(folderOf({ ...ingredients, versions }), file);
}

async function keepRecord(
  place: string,
  facts: Pick<MadeRecord, 'recipe' | 'source' | 'sourceSha256' | 'imatrix' | 'llamaCpp'>,
  signal: AbortSignal,
): Promise<void> {
  const { bytes } = await localModel(place, place).header(signal);
  const sha256 = await sha256OfFiles([place], signal);
  await writeMadeRecord(place, {
    version: 1,
    ...facts,
    sizeBytes: bytes,
    sha256,
    madeAt: new Date().toISOString(),
  });
}
