import type { EngineSession } from '../engine/engine.ts';
import { unavailableBecause } from '../schema/availability.ts';
import type { Memory } from '../schema/figures.ts';

/** What the session's process and its engine hold, with the open context of `contextSize` tokens. */
export async function engineMemoryOf(session: EngineSession, contextSize: number): Promise<Memory> {
  const { peakRssBytes, anonymousBytes } = await session.processMemory();
  const { weightsBytes, repackedBytes, kvBytes, computeBytes, gpuBytes } = await session.engineMemory();
  return {
    peakRssBytes,
    anonymousBytes: anonymousBytes ?? unavailableBecause('only Linux tells anonymous memory apart'),
    weightsBytes,
    repackedBytes: repackedBytes ?? unavailableBecause('llama.cpp did not say'),
    kvBytes: kvBytes ?? unavailableBecause('llama.cpp did not say'),
    computeBytes: computeBytes ?? unavailableBecause('llama.cpp did not say'),
    gpuBytes,
    contextSize,
  };
}
