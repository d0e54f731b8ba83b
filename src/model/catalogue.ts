import type { z } from 'zod';
import { catalogueSchema } from '../schema/hub.ts';
import { DATA_FILES, invalidJsonFile, type JsonFileKind, readJsonFile } from '../schema/json-file.ts';
import { packagePath } from '../util/package-files.ts';

/** How a model wants to be spoken to, for an app that builds prompts itself. */
export interface PromptFacts {
  /** The turns of one exchange, with `{system}` and `{prompt}` where they go. */
  readonly template: string;
  readonly stop: readonly string[];
  /** Tokens it was trained for. */
  readonly contextLength: number;
  /** Whether its template has a place for a system message. */
  readonly systemRole: boolean;
}

/** One model of the catalogue: where its quantizations are, and what one should know before shipping it. */
export interface CatalogueEntry {
  readonly title: string;
  readonly repo: string;
  readonly revision: string | null;
  /** What the bare name stands for. */
  readonly quantizations: readonly string[];
  readonly licence: string;
  readonly prompt: PromptFacts | null;
}

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

type GivenEntry = z.infer<typeof catalogueSchema>[string] & object;

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
