import { parseShardName, shardNames } from '../gguf/shards.ts';

/** A file as a listing names it. */
export interface NamedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** One model of a listing: a file, or all the shards of one. */
export interface GatheredModel<File extends NamedFile> {
  /** Of the file, or of the first shard. */
  readonly path: string;
  /** `Q4_K_M`, `UD-Q4_K_XL`; undefined where no spelling of one is in the path. */
  readonly label: string | undefined;
  /** In order. */
  readonly files: readonly File[];
  readonly sizeBytes: number;
  /** Shards that its names promise and the listing lacks. */
  readonly missing: readonly string[];
}

/**
 * A label between separators: `-Q4_K_M`, `.q4_k_m`, `.i1-IQ4_XS`, `-UD-Q4_K_XL`, `-fp16`, `-q4`, `-mxfp4`. Words of
 * one label may be joined by `_` or `-`. Longer forms come first, so that `Q4_K_M` is not read as `Q4`.
 */
const LABEL =
  /(?<=^|[._/ -])((?:UD[-_])?(?:IQ[1-4][_-](?:XXS|XS|NL|S|M)|T?Q[1-8][_-][01](?:[_-]\d+)*|Q[1-8][_-]K(?:_[A-Z]{1,3}|-(?:XXL|XL|L|M|S|XS|XXS))?|MXFP4(?:[_-]MOE)?|NVFP4|Q[1-8]|BF16|FP?16|FP?32))(?=$|[._/ -])/gi;

/** Projectors, importance matrices and draft models are no models of their own (common/download.cpp of v0.5.0). */
const NO_MODEL = /(?:mmproj|imatrix|mtp-|eagle3-|dflash-|dspark-)/i;

/**
 * The quantization that a path names, in llama.cpp's spelling; the file's own name counts before its folders, and the
 * last label in it before the others, since names put the quantization behind the model's.
 */
export function quantizationInPath(path: string): string | undefined {
  const parts = path
    .replace(/\.gguf$/i, '')
    .split('/')
    .reverse();
  for (const part of parts) {
    const label = [...part.matchAll(LABEL)].at(-1)?.[1];
    if (label !== undefined) return normalLabel(label);
  }
  return undefined;
}

/** One spelling for all: upper case, `_` between words, `F16` for `fp16`. */
function normalLabel(text: string): string {
  const upper = text.toUpperCase();
  const prefix = /^UD[-_]/.test(upper) ? 'UD-' : '';
  const bare = upper
    .slice(prefix.length)
    .replaceAll(/[-.]/g, '_')
    .replace(/^FP(16|32)$/, 'F$1');
  return prefix + bare;
}

/** Whether a path of a listing is the (first) file of a model. */
export function isModelPath(path: string): boolean {
  const base = path.slice(path.lastIndexOf('/') + 1);
  return /\.gguf$/i.test(base) && !NO_MODEL.test(base);
}

/** The models among a listing's files, in its order, with their shards gathered. */
export function gatherModels<File extends NamedFile>(listing: readonly File[]): GatheredModel<File>[] {
  const byPath = new Map(listing.map((file) => [file.path, file]));
  const models: GatheredModel<File>[] = [];
  for (const file of listing) {
    if (!isModelPath(file.path)) continue;
    const shard = parseShardName(file.path);
    const names = shardNames(file.path);
    // The set stands where its first present shard does, so that one without its first is still seen as incomplete.
    if (shard !== undefined && names.find((name) => byPath.has(name)) !== file.path) continue;
    const files = names.flatMap((name) => byPath.get(name) ?? []);
    models.push({
      path: names[0] ?? file.path,
      label: quantizationInPath(shard?.prefix ?? file.path),
      files,
      sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      missing: names.filter((name) => !byPath.has(name)),
    });
  }
  return models;
}

/** Models that a tag may mean, and whether it names them: what it only begins, or lacks a prefix of, is a guess. */
export interface TaggedModels<Model> {
  readonly models: readonly Model[];
  readonly isExact: boolean;
}

/**
 * The models that a `:TAG` may mean, by the strictest reading that finds any: the label, in any spelling; the tag as it
 * stands in the path, as llama.cpp looks for it (`i1-Q4_K_M`, `7B-Q8_0`, a file's name, `Q4_K_XL` of `UD-Q4_K_XL`, types
 * that are not known here); then the beginning of longer labels (`Q4_K` for `Q4_K_M`). More than one is for the user to
 * decide.
 */
export function modelsOfTag<Model extends { readonly label: string | undefined; readonly path: string }>(
  models: readonly Model[],
  tag: string,
): TaggedModels<Model> {
  const wanted = normalLabel(tag);
  const escaped = tag.replaceAll(/[.-]/g, '\\$&');
  const asWritten = new RegExp(`(?:^|[-._/ ])${escaped}(?=[.-]|$)`, 'i');
  const readings: readonly { isExact: boolean; matches: (model: Model) => boolean }[] = [
    { isExact: true, matches: ({ label }) => label === wanted },
    { isExact: true, matches: ({ path }) => asWritten.test(path) },
    { isExact: false, matches: ({ label }) => bareLabel(label) === wanted },
    { isExact: false, matches: ({ label }) => bareLabel(label)?.startsWith(`${wanted}_`) === true },
  ];
  for (const { isExact, matches } of readings) {
    const found = models.filter(matches);
    if (found.length > 0) return { models: found, isExact };
  }
  return { models: [], isExact: true };
}

function bareLabel(label: string | undefined): string | undefined {
  return label?.replace(/^UD-/, '');
}

/** What is taken where no tag is given (common/download.cpp of llama.cpp v0.5.0); after them the first model. */
const DEFAULT_TAGS = ['Q4_K_M', 'Q8_0'];

/** The model that stands for all of them where none is named, as llama.cpp chooses it. */
export function defaultModel<Model extends { readonly label: string | undefined; readonly path: string }>(
  models: readonly Model[],
): Model | undefined {
  for (const tag of DEFAULT_TAGS) {
    const [model] = models.filter(({ path }) => new RegExp(`${tag}[.-]`, 'i').test(path));
    if (model !== undefined) return model;
  }
  return models[0];
}
