import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type LoadedModel, startEngineProcess, type WeightImportance } from '../../engine/index.ts';
import { type GgufHeader, modelFacts } from '../../gguf/index.ts';
import { openFile } from '../../io/index.ts';
import { evaluationSetFor } from '../../measure/evaluation-data.ts';
import { planChunks } from '../../measure/perplexity.ts';
import {
  type Imatrix,
  type ImatrixEntry,
  matricesWithout,
  readImatrix,
  writeImatrix,
} from '../../quantize/imatrix-file.ts';
import { summarizeImatrix } from '../../quantize/imatrix-summary.ts';
import type { ImatrixResults } from '../../schema/imatrix.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { isStream, requireWritable, writeOutput } from '../../util/output-file.ts';
import { packagePath, packageVersion } from '../../util/package-files.ts';
import { hostOf } from '../host.ts';
import { readInput } from '../input-file.ts';
import { oneModelFor } from '../local-models.ts';
import { requireOther } from '../quantize/outputs.ts';
import { IMATRIX_DEFAULTS, type ImatrixRequest } from './request.ts';

/** The file is written anew after as many chunks, as llama-imatrix does. */
const SAVED_EVERY = 10;
/** Of a large model fewer chunks are much time. */
const SAVED_EVERY_MS = 30_000;
const OUT_HINT = 'Name another file with --out.';

/**
 * What `imatrix` does: runs texts through a model and keeps how strongly the columns of each matrix are used, in
 * llama.cpp's GGUF format. The file is there after every ten chunks.
 * @throws UsageError `imatrix/*`, `measure/text-too-short`; QuantscopeError `imatrix/invalid`; EngineError
 */
export async function makeImatrix(ref: string, request: ImatrixRequest = {}): Promise<ImatrixResults> {
  const asked = { ...IMATRIX_DEFAULTS, ...request };
  const host = hostOf(request);
  const { signal } = host;
  const started = performance.now();
  const before = await earlierResults(asked, signal);
  await requireWritable(asked.out, OUT_HINT);
  const isWrittenOnce = await isStream(asked.out);
  const model = await oneModelFor(ref, 'imatrix', host);
  const { header } = await model.header(signal);
  await requireOther(model, [resolve(asked.out)]);
  const texts = await textsOf(asked.text, header);
  requireOtherThanTexts(asked);
  await using session = await startEngineProcess({
    gpu: asked.gpu,
    callTimeoutMs: asked.timeout * 1000,
    signal,
  });
  const loaded = await session.loadModel({ path: model.path, gpuLayers: asked.gpuLayers });
  const chunks: Uint32Array[] = [];
  for (const { path, text } of texts)
    chunks.push(...chunksOf(path, await session.tokenize(text, false), loaded, asked));
  const datasets = texts.map(({ path }) => path);
  requireSameTexts(before, datasets, asked);
  await session.openContext({
    contextSize: asked.context,
    sequences: 1,
    batchSize: asked.context,
    threads: asked.threads ?? session.info.mathCores,
    flashAttention: 'auto',
    keyType: 'f16',
    valueType: 'f16',
    observes: true,
  });
  const matrix = (done: number, entries: readonly ImatrixEntry[]): Omit<Imatrix, 'isLegacy'> => ({
    datasets,
    chunks: done,
    chunkSize: asked.context,
    entries: sumOf(before?.entries ?? [], entries),
  });
  const first = before?.chunks ?? 0;
  let saved = { chunks: first, at: performance.now() };
  using _ = onAbort(signal, () => {
    if (saved.chunks > 0)
      host.notice(`Stopped. ${asked.out} has ${saved.chunks} chunks: go on with --resume`);
  });
  host.progress({ kind: 'plan', subjects: [model.ref], stages: ['chunks'] });
  for (let done = first; done < chunks.length; done++) {
    signal.throwIfAborted();
    await session.observe(chunks[done] ?? new Uint32Array());
    host.progress({
      kind: 'step',
      subject: model.ref,
      stage: 'chunks',
      done: done + 1,
      total: chunks.length,
    });
    const isLast = done + 1 === chunks.length;
    const isDue =
      !isWrittenOnce && ((done + 1) % SAVED_EVERY === 0 || performance.now() - saved.at > SAVED_EVERY_MS);
    if (isDue && !isLast) {
      await save(asked.out, matrix(done + 1, await session.importance()));
      saved = { chunks: done + 1, at: performance.now() };
    }
  }
  const whole = matrix(Math.max(first, chunks.length), await session.importance());
  const bytes = await save(asked.out, whole);
  host.progress({ kind: 'idle' });
  const { version, llamaCpp, build } = session.info;
  return {
    schema: SCHEMA_IDS.imatrix,
    tool: { version: packageVersion() },
    engine: { version, llamaCpp, build },
    model: model.ref,
    path: asked.out,
    bytes,
    ...summarizeImatrix(whole),
    missing: matricesWithout(whole.entries, header.tensors),
    durationMs: performance.now() - started,
  };
}

function onAbort(signal: AbortSignal, tell: () => void): Disposable {
  signal.addEventListener('abort', tell, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', tell) };
}

/** @throws UsageError `measure/text-too-short`, with the text's path */
function chunksOf(
  path: string,
  tokens: Uint32Array,
  { bosToken, addsBos }: LoadedModel,
  { context, chunks = null }: { readonly context: number; readonly chunks?: number | null },
): readonly Uint32Array[] {
  try {
    return planChunks(tokens, { contextSize: context, chunks, bosToken, addBos: addsBos }).chunks;
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    throw new UsageError(thrown.code, `${path}: ${thrown.message}`, {
      cause: thrown,
      hint: thrown.hint ?? '',
    });
  }
}

/** @throws UsageError `quantize/same-file` */
function requireOtherThanTexts({ out, text = [] }: ImatrixRequest & { readonly out: string }): void {
  const same = text.find((path) => resolve(path) === resolve(out));
  if (same === undefined) return;
  throw new UsageError('imatrix/same-file', `${out} is the text itself`, { hint: OUT_HINT });
}

/** @throws UsageError `imatrix/exists`; what reading throws */
async function earlierResults({ out, resume, force }: ImatrixRequest & { out: string }, signal: AbortSignal) {
  const isThere = await access(out).then(
    () => true,
    () => false,
  );
  if (!isThere || force === true || (await isStream(out))) return null;
  if (resume !== true) {
    throw new UsageError('imatrix/exists', `${out} is there already`, {
      hint: 'Go on with it by --resume, replace it with --force, or name another file with --out.',
    });
  }
  await using source = await openFile(out);
  // Awaited here: the file is closed when this function returns.
  return await readImatrix(source, signal);
}

function requireSameTexts(
  before: Imatrix | null,
  datasets: readonly string[],
  { context, out }: { context: number; out: string },
) {
  if (before === null) return;
  const isSame = before.chunkSize === context && before.datasets.join('\n') === datasets.join('\n');
  if (isSame) return;
  throw new UsageError(
    'imatrix/other-texts',
    `${out} was made of ${before.datasets.join(', ')} in chunks of ${before.chunkSize}, not of ${datasets.join(', ')} in chunks of ${context}`,
    { hint: 'Give the same --text and --context, or begin anew with --force.' },
  );
}

async function textsOf(
  paths: readonly string[] | undefined,
  header: GgufHeader,
): Promise<{ readonly path: string; readonly text: string }[]> {
  const shipped = `fixtures/calibration/${evaluationSetFor(modelFacts(header).name ?? null)}.txt`;
  const named =
    paths === undefined || paths.length === 0
      ? [{ path: shipped, location: packagePath(shipped) }]
      : paths.map((path) => ({ path, location: path }));
  return Promise.all(
    named.map(async ({ path, location }) => {
      const text = await readInput(location, '--text');
      // As llama.cpp's tools read a prompt from a file.
      return { path, text: text.replace(/\n$/, '') };
    }),
  );
}

function sumOf(before: readonly ImatrixEntry[], now: readonly WeightImportance[]): ImatrixEntry[] {
  const byName = new Map(before.map((entry) => [entry.name, entry]));
  for (const entry of now) {
    const earlier = byName.get(entry.name);
    byName.set(entry.name, earlier === undefined ? entry : added(earlier, entry));
  }
  return [...byName.values()];
}

function added(a: ImatrixEntry, b: ImatrixEntry): ImatrixEntry {
  return {
    name: a.name,
    sums: a.sums.map((sum, index) => sum + (b.sums[index] ?? 0)),
    counts: a.counts.map((count, index) => count + (b.counts[index] ?? 0)),
  };
}

/** @returns bytes */
async function save(path: string, imatrix: Omit<Imatrix, 'isLegacy'>): Promise<number> {
  const content = Buffer.concat([...writeImatrix(imatrix)]);
  await writeOutput(path, content, OUT_HINT);
  return content.length;
}
