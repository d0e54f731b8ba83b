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
  /(?<=^|[._/ -])((?:UD[-_])?(?:IQ[1-4][_-](?:XXS|XS|NL|S|M)|T?Q[1-8][_-][01](?:[_-]\d+)*|Q[1-8][_-]K(?:[_-](?:XXL|XL|L|M|S|XS|XXS))?|MXFP4(?:[_-]MOE)?|NVFP4|Q[1-8]|BF16|FP?16|FP?32))(?=$|[._/ -])/gi;

/** Later shards, projectors, importance matrices and draft models are no models of their own (llama.cpp's list). */
const NO_MODEL = /(?:mmproj|imatrix|^mtp-|^eagle3-|^dflash-|^dspark-)/i;

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

/**
 * The models that a `:QUANT` may mean, by the strictest reading that finds any: the label itself; without a
 * quantizer's prefix (`Q4_K_XL` for `UD-Q4_K_XL`); as the beginning of longer labels (`Q4_K` for `Q4_K_M`); as words of
 * the file's name, for types that are not known here (`I2_S`). More than one is for the user to decide.
 */
export function modelsOfQuantization<
  Model extends { readonly label: string | undefined; readonly path: string },
>(models: readonly Model[], asked: string): readonly Model[] {
  const wanted = normalLabel(asked);
  const readings: ((label: string) => boolean)[] = [
    (label) => label === wanted,
    (label) => label.replace(/^UD-/, '') === wanted,
    (label) => label.replace(/^UD-/, '').startsWith(`${wanted}_`),
  ];
  for (const matches of readings) {
    const found = models.filter(({ label }) => label !== undefined && matches(label));
    if (found.length > 0) return found;
  }
  const words = (text: string): string => `_${text.toUpperCase().replaceAll(/[-. /]/g, '_')}_`;
  return models.filter(({ label, path }) => label === undefined && words(path).includes(`_${wanted}_`));
}
