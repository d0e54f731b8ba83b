import type { Diagnostic } from '../schema/validation.ts';
import { bySeverity } from './diagnostic.ts';
import { fileUnderTest, type KnownFacts } from './file-under-test.ts';
import { RULES } from './rules.ts';

/** Findings of one rule that are kept of one file: past that, more of them teach nothing. */
const FINDINGS_PER_RULE = 20;

export interface ValidateOptions {
  /** Only these rules. Default: all. */
  readonly rules?: ReadonlySet<string>;
}

/**
 * Judges one file by every rule. Never throws, whatever the file holds: that is what the rules are for.
 * @param facts the header's scan at least; rules about what is left out (content, templates, load) say nothing
 * @returns diagnostics, worst first
 */
export function validateFile(facts: KnownFacts, { rules }: ValidateOptions = {}): Diagnostic[] {
  const file = fileUnderTest(facts);
  const severities = facts.policy?.severities ?? {};
  const diagnostics: Diagnostic[] = [];
  for (const [id, rule] of Object.entries(RULES)) {
    const changed = Object.hasOwn(severities, id) ? severities[id] : undefined;
    if (changed === 'off' || (rules !== undefined && !rules.has(id))) continue;
    const own: Diagnostic[] = [];
    for (const finding of rule.check(file)) {
      own.push({ ...finding, rule: id, severity: changed ?? finding.severity ?? rule.severity });
    }
    own.sort(bySeverity);
    diagnostics.push(...own.slice(0, FINDINGS_PER_RULE));
    const first = own[FINDINGS_PER_RULE];
    if (first !== undefined) diagnostics.push(rest(first, own.length - FINDINGS_PER_RULE));
  }
  return diagnostics.sort(bySeverity);
}

/** Stands for findings that are left out, the first of which is the worst of them. */
function rest({ rule, severity }: Diagnostic, count: number): Diagnostic {
  return { rule, severity, message: `${count} more findings of this rule` };
}
