import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { catalogueSchema } from '../schema/hub.ts';
import { messageOf, UsageError } from '../util/errors.ts';
import { parseWrittenJson } from '../util/written-json.ts';
import { BUILT_IN_CATALOGUE, type Catalogue, type CatalogueEntry } from './catalogue.ts';

const NAME = /^[\w.-]+$/;
const TAKEN = /^(?:nano|hf)$/i;

/**
 * The catalogue with a user's file laid over it. A name that is built in takes what the file leaves out from there.
 * @throws UsageError `catalogue/unreadable`, `catalogue/invalid`
 */
export async function readCatalogue(path: string): Promise<Catalogue> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError(
      'catalogue/unreadable',
      `${path}: the catalogue cannot be read: ${messageOf(cause)}`,
      {
        cause,
        hint: 'QUANTSCOPE_CATALOGUE names a JSON file; unset it for the built-in catalogue.',
      },
    );
  }
  let json: unknown;
  try {
    json = await parseWrittenJson(text);
  } catch (cause) {
    throw invalid(path, messageOf(cause), cause);
  }
  const parsed = catalogueSchema.safeParse(json);
  if (!parsed.success) throw invalid(path, z.prettifyError(parsed.error));
  const { $schema: _, ...entries } = parsed.data;
  const merged = new Map(BUILT_IN_CATALOGUE);
  for (const [name, given] of Object.entries(entries)) {
    if (!NAME.test(name) || TAKEN.test(name)) {
      throw invalid(
        path,
        `"${name}" cannot be a name: use letters, digits, ".", "_" and "-"; nano and hf are taken`,
      );
    }
    const base = merged.get(name.toLowerCase());
    merged.set(name.toLowerCase(), entryOf(given, base, `${path}: ${name}`));
  }
  return merged;
}

type GivenEntry = z.infer<typeof catalogueSchema>[string] & object;

function entryOf(given: GivenEntry, base: CatalogueEntry | undefined, where: string): CatalogueEntry {
  const repo = given.repo ?? base?.repo;
  if (repo === undefined) throw invalid(where, 'repo is absent, expected owner/name');
  return {
    title: given.title ?? base?.title ?? repo,
    repo,
    revision: given.revision === undefined ? (base?.revision ?? null) : given.revision,
    quantizations: given.quantizations ?? base?.quantizations ?? [],
    licence: given.licence ?? base?.licence ?? 'not stated: look it up before shipping.',
    prompt: given.prompt === undefined ? (base?.prompt ?? null) : given.prompt,
  };
}

function invalid(where: string, why: string, cause?: unknown): UsageError {
  return new UsageError('catalogue/invalid', `${where}: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Its schema is schema/catalogue.json; the entries that are there are shown by: quantscope variants',
  });
}
