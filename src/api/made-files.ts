import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import envPaths from 'env-paths';
import { sha256OfText } from '../measure/file-hash.ts';
import { boundedText } from '../util/bounded-text.ts';
import { writeOutput } from '../util/output-file.ts';

/**
 * What is remembered of a file that `compare --make` made, beside it:
 *
 *     made/<32 hex digits>/phi3-Q4_K_M.gguf
 *                          phi3-Q4_K_M.gguf.json    this record
 *
 * The digits stand for the source's content and all else that the bytes depend on beside the recipe.
 */
export interface MadeRecord {
  readonly version: 1;
  readonly recipe: string;
  /** The source's name, and its content. */
  readonly source: string;
  readonly sourceSha256: string;
  readonly imatrix: string | null;
  readonly llamaCpp: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly madeAt: string;
}

/** A made file, as `cache` shows it. */
export interface MadeFile extends MadeRecord {
  readonly place: string;
}

/** What the bytes of a made file depend on beside its recipe. */
export interface Ingredients {
  readonly sourceSha256: string;
  readonly imatrixSha256: string | null;
  /** Of llama.cpp, and of what chooses a mix. */
  readonly versions: readonly string[];
}

export function madeFolder(): string {
  return join(envPaths('quantscope', { suffix: '' }).cache, 'made');
}

export function folderOf({ sourceSha256, imatrixSha256, versions }: Ingredients): string {
  const hash = sha256OfText(JSON.stringify([sourceSha256, imatrixSha256, versions]));
  return join(madeFolder(), hash.slice(0, 32));
}

/** The record of a file that is there whole. */
export async function recordOfMade(place: string): Promise<MadeRecord | undefined> {
  try {
    const record: MadeRecord = JSON.parse(await boundedText(recordPath(place)));
    const { size } = await stat(place);
    return record.version === 1 && record.sizeBytes === size ? record : undefined;
  } catch {
    // None, or one that a crash has spoilt: the file is made again.
    return undefined;
  }
}

export function writeMadeRecord(place: string, record: MadeRecord): Promise<void> {
  return writeOutput(recordPath(place), `${JSON.stringify(record, null, 2)}\n`, 'Free some space.');
}

function recordPath(place: string): string {
  return `${place}.json`;
}

/** What was made, and what runs that broke off left: all that belongs to no record. */
export async function listMade(): Promise<{
  readonly folder: string;
  readonly files: MadeFile[];
  readonly leftovers: string[];
  readonly leftoverBytes: number;
}> {
  const folder = madeFolder();
  const files: MadeFile[] = [];
  const leftovers: string[] = [];
  let leftoverBytes = 0;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const places = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  for (const place of places.filter((path) => path.endsWith('.gguf'))) {
    const record = await recordOfMade(place);
    if (record !== undefined) files.push({ ...record, place });
  }
  const stems = files.map(({ place }) => place.replace(/gguf$/, ''));
  for (const place of places.filter((path) => !stems.some((stem) => path.startsWith(stem)))) {
    leftovers.push(place);
    leftoverBytes += (await stat(place).catch(() => ({ size: 0 }))).size;
  }
  files.sort((a, b) => (a.place < b.place ? -1 : 1));
  return { folder, files, leftovers, leftoverBytes };
}

/** Removes a made file with what lies beside it, and its folders where nothing else is left in them. */
export async function removeMade(place: string): Promise<void> {
  // Beside a mix lie its recipe, its types and what was measured.
  const stem = `${basename(place, '.gguf')}.`;
  const beside = await readdir(dirname(place)).catch(() => []);
  await rm(place, { force: true });
  for (const name of beside) if (name.startsWith(stem)) await rm(join(dirname(place), name), { force: true });
  for (let folder = dirname(place); folder !== madeFolder(); folder = dirname(folder)) {
    const left = await readdir(folder).catch(() => ['unreadable']);
    if (left.length > 0) return;
    await rm(folder, { recursive: true, force: true });
  }
}
