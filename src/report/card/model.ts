import type { FittedPhone } from '../../schema/phones.ts';
import type { Results, VariantResult } from '../../schema/results.ts';
import type { ClaimBasis } from '../../schema/terms.ts';
import type { CardFacts } from '../../validate/card/facts.ts';
import { markdownRows } from '../table-markdown.ts';

/** Everything that a card is written from. */
export interface CardModel {
  readonly tool: string;
  readonly ref: string;
  readonly facts: CardFacts;
  /** Of the metadata, as the file has them. */
  readonly provenance: CardProvenance;
  readonly chatTemplate: string | null;
  /** Context sizes to tell the memory for. */
  readonly contexts: readonly number[];
  readonly phones: readonly FittedPhone[];
  /** The run and, of it, the variant that this file is. */
  readonly measured: { readonly results: Results; readonly variant: VariantResult } | null;
  /** Quantizations of its folder or repository, itself among them, smallest first; empty where it was named alone. */
  readonly siblings: readonly CardSibling[];
}

export interface CardSibling {
  readonly label: string;
  /** Of all its files. */
  readonly bytes: number;
}

export interface CardProvenance {
  readonly license: string | null;
  readonly licenseLink: string | null;
  readonly author: string | null;
  readonly quantizedBy: string | null;
  /** `owner/name` on the Hub. */
  readonly baseRepository: string | null;
  readonly baseModel: string | null;
  readonly languages: readonly string[];
  readonly tags: readonly string[];
}

const MARKS: Readonly<Record<ClaimBasis, string>> = {
  read: 'r',
  measured: 'm',
  estimated: 'e',
  predicted: 'p',
};

/** A figure with the small mark of what it stands on. */
export function marked(text: string, basis: ClaimBasis): string {
  return `${text}<sup>${MARKS[basis]}</sup>`;
}

export const LEGEND =
  '<sup>r</sup> read from the file, <sup>m</sup> measured, <sup>e</sup> estimated from the header by a formula, ' +
  '<sup>p</sup> predicted from measurements of other models or phones.';

/** A table whose cells are Markdown already; the first column to the left, all others too where `isText`. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], isText = false): string {
  return markdownRows(
    head,
    head.map((_, index) => index === 0 || isText),
    rows,
  );
}
