import type { RuleText } from '../schema/rules.ts';
import type { FileUnderTest } from './file-under-test.ts';
import type { Finding } from './finding.ts';

/** What a rule looks for. It never throws, whatever the file holds. */
type Check = (file: FileUnderTest) => Iterable<Finding>;

/** The checks of some rules, by the rules' ids. */
export type Checks = Readonly<Record<string, Check>>;

/** One rule: what data/rules.json says of it, and a check. */
export interface Rule extends RuleText {
  readonly check: Check;
}

/** The group of a rule id: `tensor` of `tensor/offset`. */
export function groupOf(id: string): string {
  return id.slice(0, id.indexOf('/'));
}
