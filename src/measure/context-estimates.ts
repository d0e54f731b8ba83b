import type { CacheType, ContextOptions, EngineSession, PlannedMemory } from '../engine/engine.ts';
import { QuantscopeError } from '../util/errors.ts';
import type { ContextPlan, Estimate } from './context-plan.ts';

/** What contexts of a model take: by llama.cpp's own plan, or the header's estimate where it does not say. */
export class ContextEstimates {
  readonly #plan: ContextPlan;
  /** By context size and cache type: what llama.cpp would allocate, or why it refuses. */
  readonly #told = new Map<string, Estimate | { readonly refused: string }>();

  constructor(plan: ContextPlan) {
    this.#plan = plan;
  }

  /**
   * Asks llama.cpp about every row.
   * @throws the signal's reason, or what is no failure of the engine's
   */
  async ask(
    session: EngineSession,
    optionsOf: (cacheType: CacheType) => Omit<ContextOptions, 'contextSize'>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { path, settings } = this.#plan;
    const wanted = settings.cacheTypes.flatMap((cacheType) =>
      settings.contextSizes.map((contextSize) => ({ contextSize, cacheType })),
    );
    try {
      const plans = await session.planMemory(
        { path, gpuLayers: settings.gpuLayers },
        wanted.map(({ contextSize, cacheType }) => ({ ...optionsOf(cacheType), contextSize })),
      );
      for (const [index, { contextSize, cacheType }] of wanted.entries()) {
        const plan = plans[index];
        const told = plan !== undefined && 'refused' in plan ? plan : plannedEstimate(plan);
        if (told !== null) this.#told.set(`${contextSize} ${cacheType}`, told);
      }
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!(thrown instanceof QuantscopeError)) throw thrown;
    }
  }

  /** Null where llama.cpp refuses it, or nothing is known. */
  of(contextSize: number, cacheType: CacheType): Estimate | null {
    const told = this.#told.get(`${contextSize} ${cacheType}`);
    if (told !== undefined && 'refused' in told) return null;
    return told ?? this.#plan.estimate(contextSize, cacheType);
  }

  whyNone(contextSize: number, cacheType: CacheType): string {
    const told = this.#told.get(`${contextSize} ${cacheType}`);
    return told !== undefined && 'refused' in told
      ? told.refused
      : 'the header does not describe layers with a cache';
  }
}

/** What llama.cpp planned, as an estimate; null where it refused or told no sizes. */
function plannedEstimate(plan: PlannedMemory | undefined): Estimate | null {
  if (plan === undefined || 'refused' in plan || plan.kvBytes === null || plan.computeBytes === null)
    return null;
  const { weightsBytes, repackedBytes, kvBytes, computeBytes } = plan;
  const totalBytes = weightsBytes + kvBytes + computeBytes;
  return {
    weightsBytes,
    repackedBytes: repackedBytes ?? 0,
    kvBytes,
    computeBytes,
    totalBytes,
    basis: 'engine',
  };
}
