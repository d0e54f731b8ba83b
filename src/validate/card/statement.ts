/** One thing that a card says of one subject: a bullet, a paragraph or a labelled line of it, a cell of a table. */
export interface Statement {
  /** Where it begins, from 1. */
  readonly line: number;
  /** Offsets in `text` at which a further line begins. */
  readonly breaks: readonly number[];
  /** What stands there, without Markdown's marks; in prose the sentence is quoted instead. */
  readonly quote: string;
  /** What the text is said of: `Size` in `**Size:** 2.2 GB`, or of a table; empty in prose. */
  readonly label: string;
  readonly text: string;
  /** Words of its table that tell whose figure it is. */
  readonly row: string;
  /** The row's first cell, where its columns are more than a label and a value. */
  readonly head: string;
  /** Cells of its row that say under which context or cache type, with the names of their columns. */
  readonly conditions: string;
  /** Headings and list items above it, outermost first. */
  readonly headings: readonly string[];
  readonly kind: 'title' | 'field' | 'label' | 'cell' | 'prose';
}
