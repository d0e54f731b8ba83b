import type { Severity } from '../schema/terms.ts';
import type { Finding } from './diagnostic.ts';
import type { FileUnderTest } from './file-under-test.ts';

/** What a rule says of itself: printed by `--explain`, and part of SARIF. */
interface RuleText {
  readonly severity: Severity;
  /** One line: what must hold. */
  readonly reason: string;
  /** What happens where it does not hold. */
  readonly why: string;
  /** Where llama.cpp v0.5.0 checks it, or that nobody does. */
  readonly checkedBy: string;
  /** What to do about it. */
  readonly fix: string;
}

/** One rule: a text and a check. The check never throws, whatever the file holds. */
export interface Rule extends RuleText {
  readonly check: (file: FileUnderTest) => Iterable<Finding>;
}

export type RuleTable = Readonly<Record<string, Rule>>;

/** The group of a rule id: `tensor` of `tensor/offset`. */
export function groupOf(id: string): string {
  return id.slice(0, id.indexOf('/'));
}
