import type { ModelFacts } from '../../gguf/facts.ts';
import type { GgufHeader } from '../../gguf/header.ts';
import type { Quantization } from '../../gguf/quantization.ts';
import type { CommonCacheType, SPEED_BASES } from '../../schema/terms.ts';

/** What a card's claims are held against. Everything but `measured` follows from the model's header. */
export interface CardFacts {
  /** Of the file, or of the first shard. */
  readonly fileName: string;
  /** Of all its files. */
  readonly fileBytes: number;
  readonly ggufVersion: number;
  readonly header: GgufHeader;
  readonly model: ModelFacts;
  readonly quantization: Quantization;
  /** Estimated; null where the header describes no layers. */
  readonly memory: (contextSize: number, cacheType: CommonCacheType) => CardMemory | null;
  /** Bytes of cache that a token adds, below and past every window. */
  readonly tokenBytes: (
    cacheType: CommonCacheType,
  ) => { readonly below: number; readonly beyond: number } | null;
  /** What is known of the phones that a text names; empty where it names none. */
  readonly speeds: (words: string) => readonly CardSpeed[];
  /** Variants of a results file. */
  readonly measured: readonly MeasuredVariant[];
}

export interface CardMemory {
  readonly weightsBytes: number;
  readonly kvBytes: number;
  readonly totalBytes: number;
}

export interface CardSpeed {
  readonly device: string;
  readonly backend: string;
  readonly basis: (typeof SPEED_BASES)[number];
  readonly generationTps: number;
  readonly low: number;
  readonly high: number;
  /** What the phone's memory could deliver at most: bandwidth ÷ bytes a token; null where it is not known. */
  readonly limitTps: number | null;
}

/** A variant of a results file, as far as a card speaks of such things. */
export interface MeasuredVariant {
  readonly label: string;
  readonly fileBytes: number;
  readonly parameters: number | null;
  readonly isReference: boolean;
  readonly generationTps: number | null;
  readonly accuracy: { readonly correct: number; readonly total: number } | null;
  readonly perplexity: number | null;
  /** Mean KL divergence from the reference, in nats. */
  readonly divergence: number | null;
}
