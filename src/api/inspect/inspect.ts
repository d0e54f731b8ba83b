import type { OpenModel } from '../../model/model.ts';
import type { Inspection } from '../../schema/inspection.ts';
import type { ModelHeader } from './facts.ts';

export interface InspectRequest {
  /** Context sizes, in tokens, to estimate memory for. Default: common ones up to the model's own. */
  readonly context?: readonly number[];
  readonly signal?: AbortSignal;
}

/**
 * What `quantscope inspect --json` says, for programs: the facts of the one model that a ref stands for, from its
 * header alone. A remote file is read by range requests, nothing is downloaded or kept.
 * @throws GgufError where the file is not valid GGUF; UsageError where there is no such file, or several; the signal's
 *   reason
 */
export async function inspect(
  ref: string,
  { context = [], signal = new AbortController().signal }: InspectRequest = {},
): Promise<Inspection> {
  const { findModel } = await import('../../model/locate.ts');
  await using model = await (await findModel(ref, { signal })).open();
  return (await readInspection(ref, model, { contexts: context, signal })).inspection;
}

/** An opened model's header, and what is to be said of it. */
export async function readInspection(
  ref: string,
  { files, sources }: OpenModel,
  asked: { readonly contexts: readonly number[]; readonly wholeKey?: string; readonly signal: AbortSignal },
): Promise<{ readonly header: ModelHeader; readonly inspection: Inspection }> {
  const { signal, ...shown } = asked;
  const [{ inspectionOf }, { packageVersion }, { countingSource }, { fileNameOf, readHeaders }] =
    await Promise.all([
      import('./facts.ts'),
      import('../../util/package-files.ts'),
      import('../../io/counting-source.ts'),
      import('../../model/model.ts'),
    ]);
  const counting = sources.map(countingSource);
  const header = await readHeaders(counting, signal);
  const hub = files[0]?.hub;
  const inspection = inspectionOf({
    ref,
    header,
    names: files.map(fileNameOf),
    source: {
      kind: files.some(({ isRemote }) => isRemote) ? 'url' : 'file',
      requests: sum(counting.map(({ requests }) => requests)),
      bytesFetched: sum(counting.map(({ bytesFetched }) => bytesFetched)),
      hub: hub ? { repo: hub.repo, commit: hub.commit, file: hub.file.path } : null,
    },
    toolVersion: packageVersion(),
    ...shown,
  });
  return { header, inspection };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
