import type { GgufHeader } from './header.ts';
import { getNumber, getString } from './metadata.ts';

/** How a model stretches its rotary positions past the context that it was first trained with. */
export interface RopeFacts {
  readonly base: number | undefined;
  /** `none`, `linear`, `yarn` or `longrope`, as stated. */
  readonly scaling: string | undefined;
  readonly factor: number | undefined;
  /** Tokens up to which positions are as they were first trained. */
  readonly originalContextLength: number | undefined;
  /** Whether the file has factors for contexts up to the original length, and beyond it. */
  readonly hasFactors: boolean;
}

export function ropeFacts(header: GgufHeader): RopeFacts {
  const architecture = getString(header, 'general.architecture') ?? '';
  const number = (suffix: string) => getNumber(header, `${architecture}.rope.${suffix}`);
  return {
    base: number('freq_base'),
    scaling: getString(header, `${architecture}.rope.scaling.type`),
    factor: number('scaling.factor'),
    originalContextLength: number('scaling.original_context_length'),
    hasFactors: header.tensors.some(({ name }) => /(?:^|\.)rope_factors_long\.weight$/.test(name)),
  };
}

/** llama.cpp v0.5.0 rounds a context up to a multiple of this (llama-context.cpp). */
const CONTEXT_PADDING = 256;

/** The largest context whose positions get the factors of the original length; null for a model without factors. */
export function unstretchedContext(header: GgufHeader): number | null {
  const { originalContextLength, hasFactors } = ropeFacts(header);
  if (!hasFactors || originalContextLength === undefined) return null;
  return Math.floor(originalContextLength / CONTEXT_PADDING) * CONTEXT_PADDING;
}

/**
 * The factors that every position of a context gets, short prompts too: by its size, not by how much of it is filled
 * (`get_rope_factors`, llama-model.cpp:2259). null for a model without factors.
 */
export function ropeFactorsFor(header: GgufHeader, contextSize: number): 'short' | 'long' | null {
  const { originalContextLength, hasFactors } = ropeFacts(header);
  if (!hasFactors || originalContextLength === undefined) return null;
  return Math.ceil(contextSize / CONTEXT_PADDING) * CONTEXT_PADDING > originalContextLength
    ? 'long'
    : 'short';
}
