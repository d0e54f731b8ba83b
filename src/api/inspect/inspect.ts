import type { Inspection } from '../../schema/inspection.ts';
import type { Host } from '../host.ts';
import type { OpenedModel } from '../refs/opened-model.ts';
import type { ModelHeader } from './facts.ts';

/** What an inspection tells beside the facts that every one has. */
export interface InspectRequest extends Pick<Host, 'signal'> {
  /** Context sizes, in tokens, to estimate memory for. Default: common ones up to the model's own. */
  readonly context?: readonly number[];
  /** A key of the metadata whose array is given whole. */
  readonly key?: string;
  /** Whether every token of the vocabulary is given. Default: false. */
  readonly vocabulary?: boolean;
}

/**
 * What `quantscope inspect --json` says, for programs: the facts of the one model that a ref stands for, from its
 * header alone. A remote file is read by range requests, nothing is downloaded or kept.
 * @throws GgufError where the file is not valid GGUF; UsageError where there is no such file, or several; the signal's
 *   reason
 */
export async function inspect(ref: string, request: InspectRequest = {}): Promise<Inspection> {
  const { signal = new AbortController().signal } = request;
  const { openModelOf } = await import('../refs/opened-model.ts');
  await using model = await openModelOf(ref, signal);
  return (await readInspection(ref, model, request, signal)).inspection;
}

/** An opened model's header, and what is to be said of it. */
export async function readInspection(
  ref: string,
  model: OpenedModel,
  { context = [], key, vocabulary = false }: InspectRequest,
  signal: AbortSignal,
): Promise<{ readonly header: ModelHeader; readonly inspection: Inspection }> {
  const [{ inspectionOf, vocabularyOf }, { packageVersion }, header] = await Promise.all([
    import('./facts.ts'),
    import('../../util/package-files.ts'),
    readModel(model, signal),
  ]);
  const inspection = inspectionOf({
    ref,
    header,
    names: model.names,
    source: {
      kind: model.isRemote ? 'url' : 'file',
      requests: sum(model.sources.map(({ requests }) => requests)),
      bytesFetched: sum(model.sources.map(({ bytesFetched }) => bytesFetched)),
      hub: model.hub,
    },
    toolVersion: packageVersion(),
    contexts: context,
    ...(key === undefined ? {} : { wholeKey: key }),
  });
  if (!vocabulary) return { header, inspection };
  return { header, inspection: { ...inspection, vocabulary: [...vocabularyOf(header)] } };
}

async function readModel({ sources }: OpenedModel, signal: AbortSignal): Promise<ModelHeader> {
  const [only] = sources;
  if (only !== undefined && sources.length === 1) {
    const { readHeader } = await import('../../gguf/read.ts');
    return readHeader(only, { signal });
  }
  const { readShards } = await import('../../gguf/shards.ts');
  return readShards(sources, { signal });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
