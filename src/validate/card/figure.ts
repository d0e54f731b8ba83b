import type { Quantity } from './quantity.ts';
import type { Statement } from './statement.ts';

/** A figure with the words that it stands among. */
export interface Figure {
  readonly statement: Statement;
  readonly quantity: Quantity;
  /** All figures of the sentence, this one among them. */
  readonly all: readonly Quantity[];
  readonly sentence: string;
  readonly clause: string;
  readonly part: string;
  /** What stands right before and behind it. */
  readonly before: string;
  readonly after: string;
}
