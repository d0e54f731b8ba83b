import { statfs, writeFile } from 'node:fs/promises';
import type { EngineSession, WeightOrigin } from '../../engine/index.ts';
import { modelFacts, type ShardedTensor, type TensorInfo, type TensorType } from '../../gguf/index.ts';
import { evaluationSetFor } from '../../measure/evaluation-data.ts';
import { evaluateText } from '../../measure/text-evaluation.ts';
import type { Model, ModelHeader } from '../../model/model.ts';
import { typeId } from '../../quantize/recipes.ts';
import { UsageError } from '../../util/errors.ts';
import { formatBytes } from '../../util/units.ts';
import type { MixRequest } from './request.ts';
import { type ComparedText, compareOn, requireOtherText } from './texts.ts';

/** Types by tensor; a tensor that is not named keeps the source's. */
export type TypesByTensor = ReadonlyMap<string, TensorType>;

/** What a model says of a text, beside the source. */
export interface Measured {
  readonly perplexity: number;
  readonly meanKld: number;
  readonly stderrKld: number;
  readonly sameTop: number;
  /** By position, in the text's order. */
  readonly klds: Float64Array;
}

/** The source in memory, whose tensors can be given other types, and two texts to compare it with itself on. */
export interface Workbench {
  /** Types are chosen on it. */
  readonly choice: ComparedText;
  /** Results are measured on it. */
  readonly test: ComparedText;
  /** Weights that can be changed. */
  readonly tensors: ReadonlySet<string>;
  /** Milliseconds that the source took for a chunk. */
  readonly chunkMs: number;
  /** What the source loses on a text when its tensors have these types: what a file of them would. */
  measure(types: TypesByTensor, text: ComparedText, onChunk?: (done: number) => void): Promise<Measured>;
  /** Squared errors of a tensor in each type, weighted by how strongly its columns are used. */
  errorsOf(tensor: TensorInfo, types: readonly TensorType[]): Promise<number[]>;
}

export interface WorkbenchRequest {
  readonly session: EngineSession;
  readonly model: Model;
  readonly source: ModelHeader;
  /** Mean squared inputs by tensor, of an importance matrix. */
  readonly importance: ReadonlyMap<string, Float32Array>;
  readonly request: MixRequest & { readonly context: number };
  readonly scratch: string;
  readonly onChunk: (done: number, total: number) => void;
}

/** Below so many parameters a chunk is quick, and more of them make the choice surer. */
const SMALL_PARAMETERS = 20e6;
const CHUNKS = { small: { choice: 12, test: 29 }, large: { choice: 2, test: 8 } } as const;
/** Of a larger tensor, errors are those of some rows: they only rank. */
const ERROR_ELEMENTS = 2 ** 16;

/** Loads the source, and keeps what it says of both texts. */
export async function openWorkbench(place: WorkbenchRequest): Promise<Workbench> {
  const { session, model, source, importance, request, scratch, onChunk } = place;
  const loaded = await session.loadModel({ path: model.path, gpuLayers: 0, writable: true });
  const facts = modelFacts(source.header);
  const set = evaluationSetFor(facts.name ?? null);
  const usual = facts.parameters < SMALL_PARAMETERS ? CHUNKS.small : CHUNKS.large;
  const text = (path: string | undefined, shipped: 'choice' | 'test', chunks: number) =>
    compareOn(
      { path: path ?? null, shipped, set, chunks, contextSize: request.context },
      session,
      loaded,
      scratch,
    );
  const choice = await text(request.text, 'choice', request.chunks ?? usual.choice);
  const test = await text(request.testText, 'test', request.testChunks ?? usual.test);
  requireOtherText(choice, test);
  await requireRoom(scratch, choice.storeBytes + test.storeBytes);
  await openContext(session, request, true);
  const [first = new Uint32Array()] = choice.planned.chunks;
  await session.observe(first);
  const usage = new Map(
    (await session.importance()).map(({ name, sums, counts }) => [name, meansOf(sums, counts)]),
  );
  const tensors = new Set(await session.observedWeights());
  await openContext(session, request, false);
  const total = choice.planned.chunks.length + test.planned.chunks.length;
  const started = performance.now();
  let done = 0;
  for (const { store, planned, plan } of [choice, test]) {
    await writeFile(store.rowsOf(0).path, '');
    await evaluateText(
      session,
      planned,
      plan,
      { kind: 'reference', store },
      { onChunk: () => onChunk(++done, total) },
    );
  }
  const chunkMs = (performance.now() - started) / total;
  const origins = await originsOf(model, source);
  const originOf = (name: string): WeightOrigin => origins.get(name) ?? { path: model.path, offsetBytes: 0 };
  return {
    choice,
    test,
    tensors,
    chunkMs,
    async measure(types, of, toldChunk = () => {}) {
      await session.tryWeights(
        [...types]
          .filter(([name]) => tensors.has(name))
          .map(([name, type]) => ({
            name,
            type: typeId(type),
            origin: originOf(name),
            importance: importance.get(name) ?? null,
          })),
      );
      return measureLoaded(session, of, toldChunk);
    },
    errorsOf: ({ name }, types) =>
      session.weightErrors({
        name,
        types: types.map(typeId),
        origin: originOf(name),
        importance: importance.get(name) ?? null,
        usage: usage.get(name) ?? null,
        mostElements: ERROR_ELEMENTS,
      }),
  };
}

/** The source's distributions over both texts are kept in the folder for temporary files. */
async function requireRoom(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= neededBytes) return;
  throw new UsageError(
    'mix/no-space',
    `${folder} has ${formatBytes(bavail * bsize)} free, what the source says of the texts takes ${formatBytes(neededBytes)}`,
    { hint: 'Set TMPDIR to another folder, or take fewer --chunks and --test-chunks.' },
  );
}

/** What a file loses on a text. */
export async function measureFile(
  session: EngineSession,
  path: string,
  text: ComparedText,
  request: MixRequest & { readonly context: number },
): Promise<Measured> {
  await session.loadModel({ path, gpuLayers: 0 });
  await openContext(session, request, false);
  return measureLoaded(session, text, () => {});
}

async function measureLoaded(
  session: EngineSession,
  { planned, plan, store }: ComparedText,
  onChunk: (done: number) => void,
): Promise<Measured> {
  const klds: number[] = [];
  const { perplexity, divergence } = await evaluateText(
    session,
    planned,
    plan,
    { kind: 'candidate', store, holds: 'all' },
    { onChunk, keep: (chunk) => klds.push(...(chunk.divergence?.kld ?? [])) },
  );
  if (divergence === null) throw new Error('compared without a divergence');
  const { meanKld, stderrKld, sameTop } = divergence;
  return { perplexity: perplexity.value, meanKld, stderrKld, sameTop, klds: Float64Array.from(klds) };
}

async function openContext(
  session: EngineSession,
  { context, threads }: MixRequest & { readonly context: number },
  observes: boolean,
): Promise<void> {
  await session.openContext({
    contextSize: context,
    sequences: 1,
    batchSize: context,
    threads: threads ?? session.info.mathCores,
    flashAttention: 'auto',
    keyType: 'f16',
    valueType: 'f16',
    observes,
  });
}

/** Where each tensor's bytes are. */
async function originsOf(model: Model, source: ModelHeader): Promise<Map<string, WeightOrigin>> {
  const files = await model.files();
  const { tensors }: { readonly tensors: readonly ShardedTensor[] } = source.header;
  return new Map(
    tensors.map(({ name, shard, offset }) => {
      const path = files[shard]?.location ?? model.path;
      return [name, { path, offsetBytes: (source.files[shard]?.dataOffset ?? 0) + offset }];
    }),
  );
}

/** Sums by column to means, each matrix by its own count of tokens. */
function meansOf(sums: Float32Array, counts: Float32Array): Float32Array {
  const columns = sums.length / Math.max(1, counts.length);
  return sums.map((sum, index) => sum / Math.max(1, counts[Math.floor(index / columns)] ?? 1));
}
