import { bySeverity, type Diagnostic, type Severity } from './diagnostic.ts';
import { type FileFacts, fileUnderTest } from './file-under-test.ts';
import { RULES } from './rules.ts';

/** Findings of one rule that are kept of one file: past that, more of them teach nothing. */
export const FINDINGS_PER_RULE = 20;

export interface ValidateOptions {
  /** Only these rules. Default: all. */
  readonly rules?: ReadonlySet<string>;
}

/**
 * Judges one file by every rule. Never throws, whatever the file holds: that is what the rules are for.
 * @returns diagnostics, worst first
 */
export function validateFile(facts: FileFacts, { rules }: ValidateOptions = {}): Diagnostic[] {
  const file = fileUnderTest(facts);
  const severities = facts.policy?.severities ?? {};
  const diagnostics: Diagnostic[] = [];
  for (const [id, rule] of Object.entries(RULES)) {
    const changed = Object.hasOwn(severities, id) ? severities[id] : undefined;
    if (changed === 'off' || (rules !== undefined && !rules.has(id))) continue;
    let found = 0;
    for (const finding of rule.check(file)) {
      found++;
      if (found > FINDINGS_PER_RULE) continue;
      diagnostics.push({ ...finding, rule: id, severity: changed ?? finding.severity ?? rule.severity });
    }
    if (found > FINDINGS_PER_RULE)
      diagnostics.push(rest(id, changed ?? rule.severity, found - FINDINGS_PER_RULE));
  }
  return diagnostics.sort(bySeverity);
}

function rest(rule: string, severity: Severity, count: number): Diagnostic {
  return { rule, severity, message: `${count} more findings of this rule` };
}
