import { readFile } from 'node:fs/promises';
import { messageOf, UsageError } from '../util/errors.ts';
import { isRepoId, isRevision } from './safe-names.ts';

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

/** What a mobile developer weighs. Prompt facts are from the models' own cards and chat templates. */
export const BUILT_IN_CATALOGUE: Catalogue = new Map<string, CatalogueEntry>([
  [
    'phi3',
    {
      title: 'Phi-3-mini-4k-instruct',
      repo: 'bartowski/Phi-3-mini-4k-instruct-GGUF',
      revision: null,
      quantizations: ['Q2_K', 'Q4_K_M', 'Q8_0'],
      licence: 'MIT (Microsoft): ship it with the copyright notice.',
      prompt: {
        template: '<|user|>\n{prompt}<|end|>\n<|assistant|>\n',
        stop: ['<|end|>', '<|endoftext|>'],
        contextLength: 4096,
        systemRole: true,
      },
    },
  ],
  [
    'llama-3.2-1b',
    {
      title: 'Llama-3.2-1B-Instruct',
      repo: 'bartowski/Llama-3.2-1B-Instruct-GGUF',
      revision: null,
      quantizations: ['Q4_K_M', 'Q8_0'],
      licence:
        'Llama 3.2 Community License (Meta): show "Built with Llama", pass the licence on, mind its use policy.',
      prompt: {
        template:
          '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n{system}<|eot_id|>' +
          '<|start_header_id|>user<|end_header_id|>\n\n{prompt}<|eot_id|>' +
          '<|start_header_id|>assistant<|end_header_id|>\n\n',
        stop: ['<|eot_id|>', '<|end_of_text|>'],
        contextLength: 131_072,
        systemRole: true,
      },
    },
  ],
  [
    'gemma-2b',
    {
      title: 'gemma-2b-it',
      repo: 'lmstudio-ai/gemma-2b-it-GGUF',
      revision: null,
      quantizations: ['Q4_K_M', 'Q8_0'],
      licence: 'Gemma Terms of Use (Google): pass on its use restrictions and say that the file was changed.',
      prompt: {
        template: '<bos><start_of_turn>user\n{prompt}<end_of_turn>\n<start_of_turn>model\n',
        stop: ['<end_of_turn>', '<eos>'],
        contextLength: 8192,
        systemRole: false,
      },
    },
  ],
]);

/**
 * The catalogue with a user's file laid over it: JSON, an object from name to `{repo, revision?, quantizations?,
 * title?, licence?, prompt?}`. A name that is built in takes what the file leaves out from there.
 * @param path undefined or absent: the built-in catalogue
 * @param required whether the user named the file, so that its absence is a mistake
 * @throws UsageError `catalogue/unreadable`, `catalogue/invalid`
 */
export async function loadCatalogue(path: string | undefined, required: boolean): Promise<Catalogue> {
  if (path === undefined) return BUILT_IN_CATALOGUE;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const isAbsent = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (isAbsent && !required) return BUILT_IN_CATALOGUE;
    throw new UsageError(
      'catalogue/unreadable',
      `${path}: the catalogue cannot be read: ${messageOf(cause)}`,
      {
        cause,
        hint: 'QUANTSCOPE_CATALOGUE names a JSON file.',
      },
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new UsageError('catalogue/invalid', `${path}: not JSON: ${messageOf(cause)}`, { cause });
  }
  const merged = new Map(BUILT_IN_CATALOGUE);
  for (const [name, value] of Object.entries(objectAt(parsed, path, 'the catalogue'))) {
    merged.set(checkedName(name, path), entryOf(value, merged.get(name.toLowerCase()), `${path}: ${name}`));
  }
  return merged;
}

function checkedName(name: string, path: string): string {
  if (/^[\w.-]+$/.test(name) && !/^(?:nano|hf)$/i.test(name)) return name.toLowerCase();
  throw new UsageError('catalogue/invalid', `${path}: "${name}" cannot be a name of the catalogue`, {
    hint: 'Use letters, digits, ".", "_" and "-"; nano and hf are taken.',
  });
}

function entryOf(value: unknown, base: CatalogueEntry | undefined, where: string): CatalogueEntry {
  const given = objectAt(value, where, 'an entry');
  const repo = textAt(given, 'repo', base?.repo, where);
  if (repo === undefined || !isRepoId(repo)) throw invalid(where, 'repo', 'owner/name', given['repo']);
  const revision = textAt(given, 'revision', base?.revision ?? undefined, where) ?? null;
  if (revision !== null && !isRevision(revision)) throw invalid(where, 'revision', 'a revision', revision);
  const quantizations = given['quantizations'] ?? base?.quantizations ?? [];
  if (!isTexts(quantizations)) throw invalid(where, 'quantizations', 'a list of texts', quantizations);
  return {
    title: textAt(given, 'title', base?.title, where) ?? repo,
    repo,
    revision,
    quantizations,
    licence: textAt(given, 'licence', base?.licence, where) ?? 'not stated: look it up before shipping.',
    prompt: given['prompt'] === undefined ? (base?.prompt ?? null) : promptOf(given['prompt'], where),
  };
}

function promptOf(value: unknown, where: string): PromptFacts | null {
  if (value === null) return null;
  const given = objectAt(value, where, 'prompt');
  const template = textAt(given, 'template', undefined, where);
  if (template === undefined) throw invalid(where, 'prompt.template', 'a text', undefined);
  const stop = given['stop'] ?? [];
  if (!isTexts(stop)) throw invalid(where, 'prompt.stop', 'a list of texts', stop);
  const contextLength = given['contextLength'];
  if (typeof contextLength !== 'number' || !(contextLength > 0)) {
    throw invalid(where, 'prompt.contextLength', 'a number of tokens', contextLength);
  }
  return { template, stop, contextLength, systemRole: given['systemRole'] === true };
}

function objectAt(value: unknown, where: string, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new UsageError(
    'catalogue/invalid',
    `${where}: ${what} is ${JSON.stringify(value)}, expected an object`,
  );
}

function textAt(
  given: Record<string, unknown>,
  key: string,
  fallback: string | undefined,
  where: string,
): string | undefined {
  const value = given[key] ?? undefined;
  if (value === undefined) return fallback;
  if (typeof value === 'string') return value;
  throw invalid(where, key, 'a text', value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function invalid(where: string, key: string, expected: string, got: unknown): UsageError {
  return new UsageError(
    'catalogue/invalid',
    `${where}: ${key} is ${JSON.stringify(got) ?? 'absent'}, expected ${expected}`,
  );
}
