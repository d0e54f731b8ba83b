/** What became of a claim. A doubtful one is not checkable: nobody is accused on a guess. */
export const CLAIM_VERDICTS = ['true', 'false', 'not checkable'] as const;
export type ClaimVerdict = (typeof CLAIM_VERDICTS)[number];

/** What a verdict stands on: the file, a run, a formula over the header, or a model of phones' speeds. */
export const BASES = ['read', 'measured', 'estimated', 'predicted'] as const;
export type Basis = (typeof BASES)[number];

export interface Judgement {
  readonly verdict: ClaimVerdict;
  /** The right value, where one is known. */
  readonly actual: string | null;
  readonly basis: Basis | null;
  /** From which keys, tensors or formula, or why it cannot be checked. */
  readonly reason: string;
}

export function judged(
  holds: boolean,
  { actual, basis, reason }: { readonly actual: string; readonly basis: Basis; readonly reason: string },
): Judgement {
  return { verdict: holds ? 'true' : 'false', actual, basis, reason };
}

export function notCheckable(
  reason: string,
  actual: string | null = null,
  basis: Basis | null = null,
): Judgement {
  return { verdict: 'not checkable', actual, basis, reason };
}
