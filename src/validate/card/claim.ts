import type { ClaimKind } from '../../schema/terms.ts';
import type { Quantity } from './quantity.ts';
import type { RoleGroup } from './roles.ts';
import type { Statement } from './statement.ts';
import { bare, type Subject } from './subject.ts';

/** One checkable or uncheckable thing that a card says. */
export interface Claim {
  readonly line: number;
  readonly quote: string;
  readonly kind: ClaimKind;
  readonly subject: Subject;
  /** What is claimed, as written. */
  readonly says: string;
  readonly quantity: Quantity | null;
  /** For claims about tensors. */
  readonly tensors: TensorClaim | null;
  /** The part of the sentence it stands in. */
  readonly near: string;
  /** The statement's words: conditions (a context, a cache type, a phone) are looked up in them after `near`. */
  readonly words: string;
  /** The headings above it. */
  readonly scope: string;
  /** The other figures of its text. */
  readonly beside: readonly Quantity[];
}

export interface TensorClaim {
  readonly group: RoleGroup;
  /** Of `Q6_K for half of attention.wv`; null where bits are claimed. */
  readonly type: string | null;
  readonly share: 'most' | 'half' | 'some';
}

/** A claim that a statement's whole text is. */
export function claimOf(statement: Statement, kind: ClaimKind, subject: Subject, says: string): Claim {
  const { line, quote, label, text, row, conditions, headings } = statement;
  return {
    line,
    quote,
    kind,
    subject,
    says,
    quantity: null,
    tensors: null,
    near: text,
    words: [label, text, row, conditions].join(' | '),
    scope: headings.join(' | '),
    beside: [],
  };
}

/** Of two claims of a kind it tells whether they are about one file. */
export function subjectKey({ subject }: Claim): string {
  if (subject.kind === 'own') return '';
  return subject.kind === 'variant' ? subject.label : bare(subject.name);
}
