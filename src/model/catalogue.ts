import type { catalogueEntrySchema, catalogueSchema } from '../schema/hub.ts';
import type { JsonFileKind } from '../schema/json-file.ts';
import type { Document } from '../schema/parts.ts';
import { packageJson } from '../util/package-files.ts';

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
 * @throws UsageError `catalogue/unreadable`, `catalogue/invalid`
 */
export async function readCatalogue(path: string | null): Promise<Catalogue> {
  // Taken at its word, as data/rules.json is: a test holds it to its schema, which takes longer to load than a header.
  const { $schema: _, ...builtIn } = packageJson('data/catalogue.json') as Document<typeof catalogueSchema>;
  const catalogue = new Map(
    Object.entries(builtIn).flatMap(([name, given]) => {
      const entry = entryOf(given, undefined);
      return entry === null ? [] : [[name, entry]];
    }),
  );
  return path === null ? catalogue : await extended(catalogue, path);
}

async function extended(base: Catalogue, path: string): Promise<Catalogue> {
  const [{ catalogueSchema }, { invalidJsonFile, readJsonFile }] = await Promise.all([
    import('../schema/hub.ts'),
    import('../schema/json-file.ts'),
  ]);
  const { $schema: _, ...entries } = await readJsonFile(path, catalogueSchema, USER_FILE);
  const merged = new Map(base);
  for (const [name, given] of Object.entries(entries)) {
    if (!NAME.test(name) || TAKEN.test(name)) {
      const why = `"${name}" cannot be a name: use letters, digits, ".", "_" and "-"; nano and hf are taken`;
      throw invalidJsonFile(path, why, USER_FILE);
    }
    const entry = entryOf(given, merged.get(name.toLowerCase()));
    if (entry === null) {
      throw invalidJsonFile(`${path}: ${name}`, 'repo is absent, expected owner/name', USER_FILE);
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
