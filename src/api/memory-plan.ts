import type { PlannedContext, PlannedMemory } from '../engine/engine.ts';
import { headerOnlyModel } from '../engine/header-only-model.ts';
import { engineStarter } from '../engine/index.ts';
import type { ParsedHeader } from '../gguf/header.ts';
import type { ShardedHeader } from '../gguf/shards.ts';
import type { OpenModel } from '../model/model.ts';
import type { CacheType } from '../schema/terms.ts';

/** Ample: a plan takes half a second. */
const TIMEOUT_MS = 120_000;
const BATCH_SIZE = 512;

/** A context as it is asked for, in tokens; the batch is llama.cpp's usual 512. */
export interface AskedContext {
  readonly contextSize: number;
  readonly cacheType: CacheType;
  readonly flashAttention: boolean;
}

/**
 * What llama.cpp on this machine's CPU would allocate for contexts of a model, in their order. No weight is read: of a
 * model on a server the headers alone are fetched.
 * @param header of all its files
 * @throws EngineError `engine/load-failed` where llama.cpp refuses the model, and where there is no engine or it breaks
 *   down; what reading the headers throws; the signal's reason
 */
export async function planContexts(
  { files, sources }: OpenModel,
  header: ParsedHeader | ShardedHeader,
  asked: readonly AskedContext[],
  signal: AbortSignal,
): Promise<PlannedMemory[]> {
  const contexts = asked.map(
    ({ contextSize, cacheType, flashAttention }): PlannedContext => ({
      contextSize,
      sequences: 1,
      batchSize: BATCH_SIZE,
      flashAttention: flashAttention ? 'on' : 'off',
      keyType: cacheType,
      valueType: cacheType,
    }),
  );
  const [first] = files;
  const parts = 'shards' in header ? header.shards : [header];
  const copied =
    first === undefined || files.some(({ isRemote }) => isRemote)
      ? await headerOnlyModel(
          await Promise.all(
            sources.map(async (source, index) => ({
              header: await source.read(0, parts[index]?.dataOffset ?? 0, signal),
              sizeBytes: source.byteLength,
            })),
          ),
        )
      : null;
  try {
    await using session = await engineStarter()({ gpu: 'off', callTimeoutMs: TIMEOUT_MS, signal });
    const path = copied?.path ?? first?.location ?? '';
    return await session.planMemory({ path, gpuLayers: 0 }, contexts);
  } finally {
    await copied?.[Symbol.asyncDispose]();
  }
}
