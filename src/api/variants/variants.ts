import { footprint } from '../../device/footprint.ts';
import { modelFacts, quantizationOf } from '../../gguf/index.ts';
import { type RefAccess, refAccess } from '../../model/access.ts';
import { type OfferedVariant, offeredVariants } from '../../model/offered-variants.ts';
import { parseRef } from '../../model/ref.ts';
import type { CatalogueList, VariantRow, VariantsReport } from '../../schema/hub.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';
import { type Host, hostOf } from '../host.ts';
import { VARIANTS_DEFAULTS } from './request.ts';

export interface VariantsRequest extends Pick<Host, 'signal' | 'notice' | 'progress'> {
  /** Tokens of context that memory is estimated for. Default: {@link VARIANTS_DEFAULTS}. */
  readonly context?: number;
}

/**
 * The quantizations that a repository offers, by their headers alone: the document of `quantscope variants --json`. A
 * header that cannot be read is a row with its failure.
 * @param name `owner/name`, a hub ref, or a name of the catalogue
 * @throws UsageError `variants/no-repo`, `variants/none`; QuantscopeError `hub/*`
 */
export async function listVariants(name: string, request: VariantsRequest = {}): Promise<VariantsReport> {
  const contextSize = request.context ?? VARIANTS_DEFAULTS.context;
  const { signal, notice, progress } = hostOf(request);
  const access = await refAccess({ signal, notice });
  const { repo, revision, licence } = repoOf(name, access);
  const offered = await offeredVariants(repo, revision, access.hub, (subject, done, total) =>
    progress({ kind: 'step', subject, stage: 'header', done, total }),
  );
  const { listing } = offered;
  if (offered.variants.length === 0) {
    throw new UsageError(
      'variants/none',
      `hf:${repo} has no GGUF model among its ${listing.files.length} files`,
      {
        hint: `Look for a repository with -GGUF in its name: ${access.hub.settings.endpoint}/models?library=gguf`,
      },
    );
  }
  const first = offered.variants.find(({ header }) => !(header instanceof QuantscopeError))?.header;
  const facts = first === undefined || first instanceof QuantscopeError ? null : modelFacts(first);
  return {
    schema: SCHEMA_IDS.variants,
    repo,
    revision: listing.revision,
    commit: listing.commit,
    gated: listing.gated,
    source: listing.source,
    model:
      facts === null
        ? null
        : {
            name: facts.name ?? null,
            architecture: facts.architecture ?? null,
            parameters: facts.parameters,
            contextLength: facts.contextLength ?? null,
          },
    contextSize,
    licence: licence ?? facts?.license ?? null,
    variants: offered.variants.map((variant) => rowOf(variant, contextSize)),
    notes: notesOf(listing, access, contextSize, facts?.contextLength),
  };
}

/**
 * The names that stand for repositories, and what to know before shipping what they name: the document of
 * `quantscope variants --json` without a repository.
 * @throws UsageError `catalogue/unreadable`, `catalogue/invalid`
 */
export async function listCatalogue(request: Pick<Host, 'signal'> = {}): Promise<CatalogueList> {
  const { catalogue, catalogueFile } = await refAccess({ signal: hostOf(request).signal });
  return {
    schema: SCHEMA_IDS.catalogueList,
    file: catalogueFile,
    models: [...catalogue].map(([name, entry]) => ({ name, ...entry })),
  };
}

function repoOf(
  text: string,
  { catalogue, hub }: RefAccess,
): { readonly repo: string; readonly revision: string | null; readonly licence: string | undefined } {
  const options = { catalogueNames: [...catalogue.keys()], endpoint: hub.settings.endpoint };
  const isBare = /^[\w.-]+\/[\w.-]+(?:@\S+)?$/.test(text);
  const ref = parseRef(isBare ? `hf:${text}` : text, options);
  if (ref.kind === 'hub') return { repo: ref.repo, revision: ref.revision, licence: undefined };
  const entry = ref.kind === 'catalogue' ? catalogue.get(ref.name) : undefined;
  if (entry !== undefined) return { repo: entry.repo, revision: entry.revision, licence: entry.licence };
  throw new UsageError('variants/no-repo', `"${text}" is no repository of the Hub`, {
    hint: `Write owner/repo, hf:owner/repo@revision, or a name of the catalogue: ${[...catalogue.keys()].join(', ')}.`,
  });
}

function rowOf({ model, cached, header }: OfferedVariant, contextSize: number): VariantRow {
  const base = {
    file: model.path,
    shards: model.files.length,
    bytes: model.sizeBytes,
    cached,
  };
  if (header instanceof QuantscopeError) {
    const { code, message, hint = null } = header;
    const failure = { code, message, hint };
    return {
      ...base,
      label: model.label ?? model.path,
      bitsPerWeight: null,
      mix: [],
      memoryBytes: null,
      imatrix: null,
      failure,
    };
  }
  const { bitsPerWeight, byType, tensorBytes, label } = quantizationOf(header, model.path);
  return {
    ...base,
    // The name that `:QUANT` finds it by; the header's own where the file name has none.
    label: model.label ?? label.label,
    bitsPerWeight,
    mix: byType.map(({ type, bytes }) => ({ type, share: tensorBytes === 0 ? 0 : bytes / tensorBytes })),
    memoryBytes: footprint(header, { contextSize })?.totalBytes ?? null,
    imatrix: modelFacts(header).imatrix !== null,
    failure: null,
  };
}

function notesOf(
  {
    repo,
    gated,
    source,
  }: { readonly repo: string; readonly gated: boolean; readonly source: 'hub' | 'cache' },
  { hub }: RefAccess,
  contextSize: number,
  trained: number | undefined,
): string[] {
  const { endpoint } = hub.settings;
  const notes: string[] = [];
  if (gated) {
    const asWhom =
      hub.settings.token() === undefined ? 'and set HF_TOKEN' : 'with the account that HF_TOKEN belongs to';
    notes.push(`The repository is gated: accept its terms at ${endpoint}/${repo} ${asWhom}.`);
  }
  if (source === 'cache') notes.push('From the cache: the Hub may offer more.');
  if (trained !== undefined && contextSize > trained) {
    notes.push(`The model was trained for ${trained} tokens; a context of ${contextSize} is beyond it.`);
  }
  return notes;
}
