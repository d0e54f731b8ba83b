import { type catalogueEntrySchema, catalogueSchema } from '../schema/hub.ts';
import { DATA_FILES, invalidJsonFile, type JsonFileKind, readJsonFile } from '../schema/json-file.ts';
import type { Document } from '../schema/parts.ts';
import { packagePath } from '../util/package-files.ts';

type GivenEntry = Document<typeof catalogueEntrySchema>;

/** One model of the catalogue: where its quantizations are, and what one should know before shipping it. */
export type CatalogueEntry = { readonly [Key in keyof GivenEntry]-?: Exclude<GivenEntry[Key], undefined> };

export type Catalogue = ReadonlyMap<string, CatalogueEntry>;

const NAME = /^[\w.-]+$/;
const TAKEN = /^(?:nano|hf)$/i;

const USER_FILE = {
  name: 'catalogue',
  unreadableHint: 'QUANTSCOPE_CATALOGUE names a JSON file; unset it for the built-in catalogue.',
  invalidHint:
    'Its schema is schema/catalogue.json; the entries that are there are shown by: quantscope variants',
} as const satisfies JsonFileKind;

/**
 * The package's data/catalogue.json with a user's file laid over it. A name that is built in takes what the file leaves
 * out from there.
 * @throws UsageError `catalogue/unreadable`, `catalogue/invalid`, `data/unreadable`, `data/invalid`
 */
export async function readCatalogue(path: string | null): Promise<Catalogue> {
  const builtIn = await extended(new Map(), packagePath('data/catalogue.json'), DATA_FILES);
  return path === null ? builtIn : await extended(builtIn, path, USER_FILE);
}

async function extended(base: Catalogue, path: string, kind: JsonFileKind): Promise<Catalogue> {
  const { $schema: _, ...entries } = await readJsonFile(path, catalogueSchema, kind);
  const merged = new Map(base);
  for (const [name, given] of Object.entries(entries)) {
    if (!NAME.test(name) || TAKEN.test(name)) {
      const why = `"${name}" cannot be a name: use letters, digits, ".", "_" and "-"; nano and hf are taken`;
      throw invalidJsonFile(path, why, kind);
    }
    const entry = entryOf(given, merged.get(name.toLowerCase()));
    if (entry === null) {
      throw invalidJsonFile(`${path}: ${name}`, 'repo is absent, expected owner/name', kind);
    }
    merged.set(name.toLowerCase(), entry);
  }
  return merged;
}

function entryOf(given: GivenEntry, base: CatalogueEntry | undefined): CatalogueEntry | null {
  const repo = given.repo ?? base?.repo;
  if (repo === undefined) return null;
  return {
    title: given.title ?? base?.title ?? repo,
    repo,
    revision: given.revision === undefined ? (base?.revision ?? null) : given.revision,
    quantizations: given.quantizations ?? base?.quantizations ?? [],
    licence: given.licence ?? base?.licence ?? 'not stated: look it up before shipping.',
    prompt: given.prompt === undefined ? (base?.prompt ?? null) : given.prompt,
  };
}
