import { isImatrix } from '../../gguf/facts.ts';
import type { ByteSource } from '../../io/byte-source.ts';
import type { OpenModel } from '../../model/model.ts';
import { unavailableBecause } from '../../schema/availability.ts';
import type { Inspection } from '../../schema/inspection.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { sum } from '../../util/sum.ts';
import type { Host } from '../host.ts';
import type { ModelHeader } from './facts.ts';

/** What an inspection tells beside the facts that every one has. */
export interface InspectRequest extends Pick<Host, 'signal' | 'notice'> {
  /** Context sizes, in tokens, to estimate memory for. Default: common ones up to the model's own. */
  readonly context?: readonly number[];
  /** Asks llama.cpp what it would allocate instead of the formulas. Default: false. */
  readonly plan?: boolean;
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
  const { findModel } = await import('../../model/locate.ts');
  await using model = await (await findModel(ref, { signal, notice: request.notice })).open();
  return (await readInspection(ref, model, request, signal)).inspection;
}

/** An opened model's header, and what is to be said of it. */
export async function readInspection(
  ref: string,
  model: OpenModel,
  { context = [], plan = false, key, vocabulary = false }: InspectRequest,
  signal: AbortSignal,
): Promise<{ readonly header: ModelHeader; readonly inspection: Inspection }> {
  const [
    { inspectionOf, wholeVocabulary },
    { packageVersion },
    { countingSource },
    { fileNameOf, readHeaders },
  ] = await Promise.all([
    import('./facts.ts'),
    import('../../util/package-files.ts'),
    import('../../io/counting-source.ts'),
    import('../../model/model.ts'),
  ]);
  const { files, sources } = model;
  const counting = sources.map(countingSource);
  const header = await readHeaders(counting, signal);
  const importance = await importanceIn(header, counting, signal);
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
    contexts: context,
    ...(key === undefined ? {} : { wholeKey: key }),
  });
  return {
    header,
    inspection: {
      ...inspection,
      ...(plan ? { memory: await planOf(model, header, context, signal) } : {}),
      ...(importance === undefined ? {} : { importance }),
      ...(vocabulary ? { vocabulary: wholeVocabulary(header) } : {}),
    },
  };
}

async function planOf(
  model: OpenModel,
  header: ModelHeader,
  contexts: readonly number[],
  signal: AbortSignal,
): Promise<Inspection['memory']> {
  const [{ planContexts }, { plannedMemory }] = await Promise.all([
    import('../memory-plan.ts'),
    import('./memory.ts'),
  ]);
  return plannedMemory(header, contexts, (loads) => {
    const asked = loads.map((load) => ({ ...load, flashAttention: true }));
    return planContexts(model, header, asked, signal);
  });
}

/** Of an importance matrix, whose sums are small enough to be read: what they say. */
async function importanceIn(
  header: ModelHeader,
  [source]: readonly ByteSource[],
  signal: AbortSignal,
): Promise<Inspection['importance']> {
  if (source === undefined || !isImatrix(header)) return undefined;
  const [{ readImatrix }, { summarizeImatrix }] = await Promise.all([
    import('../../quantize/imatrix-file.ts'),
    import('../../quantize/imatrix-summary.ts'),
  ]);
  try {
    return summarizeImatrix(await readImatrix(source, signal));
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof QuantscopeError)) throw thrown;
    return unavailableBecause(thrown.message);
  }
}
