import type { ClaimBasis, ClaimVerdict } from '../../schema/terms.ts';
export interface Judgement {
  readonly verdict: ClaimVerdict;
  /** The right value, where one is known. */
  readonly actual: string | null;
  readonly basis: ClaimBasis | null;
  /** From which keys, tensors or formula, or why it cannot be checked. */
  readonly reason: string;
}

export function judged(holds: boolean, actual: string, basis: ClaimBasis, reason: string): Judgement {
  return { verdict: holds ? 'true' : 'false', actual, basis, reason };
}

export function notCheckable(
  reason: string,
  actual: string | null = null,
  basis: ClaimBasis | null = null,
): Judgement {
  return { verdict: 'not checkable', actual, basis, reason };
}
