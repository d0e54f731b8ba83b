import { basename } from 'node:path';
import { localFiles, locateLocal, locateNano } from '../../hub/local.ts';
import type { ModelPart } from '../../hub/model-parts.ts';
import { isLocalRef, parseRef } from '../../hub/ref.ts';
import type { ByteSource } from '../../io/byte-source.ts';
import { openFile } from '../../io/file-source.ts';
import { UsageError } from '../../util/errors.ts';
import { packagePath } from '../../util/package-files.ts';
import { type CountingSource, countingSource } from './counting-source.ts';

/** The one model that a ref stands for, its files open. */
export interface OpenedModel extends AsyncDisposable {
  /** One, or one for each shard in order. */
  readonly sources: readonly CountingSource[];
  /** What each file is called where it is, in the same order. */
  readonly names: readonly string[];
  /** Whether any of it is read from a server. */
  readonly isRemote: boolean;
  /** What a hub ref meant: the (first) file at a commit. */
  readonly hub: { readonly repo: string; readonly commit: string; readonly file: string } | null;
}

/**
 * Opens the model that a ref stands for, without a download. A first shard stands for its whole model, a later one for
 * itself. The Hub's code is loaded only for what may need it.
 * @throws UsageError `ref/*`, `catalogue/*`; QuantscopeError `io/*`, `hub/*`
 */
export async function openModelOf(ref: string, signal: AbortSignal): Promise<OpenedModel> {
  return isLocalRef(ref) ? openHere(ref) : openAnywhere(ref, signal);
}

async function openHere(ref: string): Promise<OpenedModel> {
  const parsed = parseRef(ref);
  const models =
    parsed.kind === 'nano'
      ? await locateNano(packagePath('fixtures/nano'), parsed.quantization)
      : await locateLocal(ref);
  const paths = await localFiles(onlyOne(ref, models).path);
  const sources: ByteSource[] = [];
  try {
    for (const path of paths) sources.push(await openFile(path));
  } catch (thrown) {
    await closeAll(sources);
    throw thrown;
  }
  return opened(
    sources,
    paths.map((path) => ({ kind: 'local', path, what: path, hub: null, kept: null })),
  );
}

async function openAnywhere(ref: string, signal: AbortSignal): Promise<OpenedModel> {
  const [{ locateRefs, openParts, partsOf }, { refAccess }] = await Promise.all([
    import('../../hub/index.ts'),
    import('./ref-access.ts'),
  ]);
  const notice = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  const access = await refAccess({ signal, notice });
  const parts = await partsOf(onlyOne(ref, await locateRefs([ref], access)), access);
  return opened(await openParts(parts, access), parts);
}

function opened(sources: readonly ByteSource[], parts: readonly ModelPart[]): OpenedModel {
  const [first] = parts;
  return {
    sources: sources.map(countingSource),
    names: parts.map(nameOf),
    isRemote: parts.some(({ kind }) => kind === 'remote'),
    hub: first?.hub ? { repo: first.hub.repo, commit: first.hub.commit, file: first.hub.file.path } : null,
    [Symbol.asyncDispose]: () => closeAll(sources),
  };
}

async function closeAll(sources: readonly ByteSource[]): Promise<void> {
  await Promise.all(sources.map((source) => source[Symbol.asyncDispose]()));
}

/** Of a file of the Hub its path in the repository, since folders may carry the quantization's name. */
function nameOf(part: ModelPart): string {
  if (part.hub !== null) return part.hub.file.path;
  return part.kind === 'local' ? basename(part.path) : basename(new URL(part.url).pathname);
}

const MOST_NAMED = 6;

/** @throws UsageError `ref/several` */
export function onlyOne<Model extends { readonly ref: string }>(
  ref: string,
  models: readonly Model[],
): Model {
  const [first] = models;
  if (first !== undefined && models.length === 1) return first;
  const names = models.slice(0, MOST_NAMED).map((model) => model.ref);
  const more = models.length - names.length;
  throw new UsageError('ref/several', `${ref} stands for ${models.length} models, expected one`, {
    hint: `Name one of them: ${[...names, ...(more > 0 ? [`${more} more`] : [])].join(', ')}`,
  });
}
