import { isImatrix } from '../../gguf/facts.ts';
import { vocabularyDifferences } from '../../gguf/vocabulary.ts';
import { diffMetadata, diffTensors } from '../../measure/header-diff.ts';
import { findModel } from '../../model/locate.ts';
import type { ModelHeader } from '../../model/model.ts';
import { isLocalRef } from '../../model/ref.ts';
import { unavailableBecause } from '../../schema/availability.ts';
import type { Diff } from '../../schema/diff.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { type Host, hostOf } from '../host.ts';
import { modelsFor } from '../local-models.ts';
import { fileFacts, gateFacts, metadataFacts, tensorFacts, weightFacts } from './facts.ts';
import { compareWeights, unsupportedTypeOf } from './weights.ts';

/** How two models are compared. */
export interface DiffRequest extends Host {
  /** Headers alone: no weights are read, and nothing is downloaded. Default: false. */
  readonly metadataOnly?: boolean;
  /** The largest total relative RMSE that the gate lets through, as a fraction. Default: there is no gate. */
  readonly failAbove?: number;
}

/**
 * What differs between two models: metadata, tensors, and how far the weights of b are from those of a. The document of
 * `quantscope diff --json`. Progress has steps, in bytes of both files; their subject is empty.
 * @param a the reference
 * @throws GgufError where a file is damaged; UsageError `ref/*`, `usage/fail-above`; QuantscopeError `io/*`, `hub/*`; what
 *   `confirm` throws
 */
export async function diff(a: string, b: string, request: DiffRequest = {}): Promise<Diff> {
  const { metadataOnly = false, failAbove } = request;
  const host = hostOf(request);
  if (metadataOnly && failAbove !== undefined) {
    const message = '--fail-above is about weights, and --metadata-only leaves them out';
    throw new UsageError('usage/fail-above', message, { hint: 'Leave one of the two out.' });
  }
  const [first, second] = await headersOf([a, b], metadataOnly, host);
  const areImatrices = isImatrix(first.header) && isImatrix(second.header);
  if (areImatrices && failAbove !== undefined) {
    throw new UsageError(
      'usage/fail-above',
      '--fail-above is about weights, and these are importance matrices',
      {
        hint: 'Leave it out.',
      },
    );
  }
  const tensors = diffTensors(first.header, second.header);
  const facts = {
    schema: SCHEMA_IDS.diff,
    tool: { version: packageVersion() },
    a: fileFacts(a, first),
    b: fileFacts(b, second),
    metadata: metadataFacts(diffMetadata(first.header, second.header)),
    tensors: tensorFacts(tensors),
    tokenization: areImatrices ? [] : vocabularyDifferences(first.header, second.header),
  };
  if (metadataOnly) {
    return { ...facts, weights: unavailableBecause('not asked for (--metadata-only)'), gate: null };
  }
  if (areImatrices) {
    const weights = unavailableBecause('these are importance matrices, whose columns were compared');
    return { ...facts, importance: await importanceFacts(first, second, host.signal), weights, gate: null };
  }
  const compared = await compareWeights({
    a: first,
    b: second,
    pairs: tensors.pairs.filter((pair) => unsupportedTypeOf(pair) === undefined),
    signal: host.signal,
    onBytes: (done, total) => host.progress({ kind: 'step', subject: '', stage: 'weights', done, total }),
  });
  const weights = weightFacts(compared, tensors);
  const gate = failAbove === undefined ? null : gateFacts(failAbove, weights, facts.tensors);
  return { ...facts, weights, gate };
}

async function importanceFacts(
  a: ModelHeader,
  b: ModelHeader,
  signal: AbortSignal,
): Promise<NonNullable<Diff['importance']>> {
  const [{ openFile }, { readImatrix }, { compareImatrices }] = await Promise.all([
    import('../../io/file-source.ts'),
    import('../../quantize/imatrix-file.ts'),
    import('../../quantize/imatrix-summary.ts'),
  ]);
  const read = async ({ files: [file] }: ModelHeader) => {
    await using source = await openFile(file?.path ?? '');
    // Awaited here: the file is closed when this function returns.
    return await readImatrix(source, signal);
  };
  return compareImatrices(await read(a), await read(b));
}

/** Headers from wherever the models are, or of models on this machine where their weights are wanted. */
async function headersOf(
  refs: readonly [string, string],
  metadataOnly: boolean,
  host: Required<Host>,
): Promise<readonly [ModelHeader, ModelHeader]> {
  const [a, b] =
    metadataOnly || refs.every(isLocalRef)
      ? [await findModel(refs[0], host), await findModel(refs[1], host)]
      : await modelsFor(refs, host, { oneEach: true });
  if (a === undefined || b === undefined) throw new RangeError('a diff is of two models');
  return [await a.header(host.signal), await b.header(host.signal)];
}
