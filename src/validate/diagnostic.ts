import { SEVERITIES, type Severity } from '../schema/terms.ts';
import type { Diagnostic, ValidationVerdict } from '../schema/validation.ts';

/** What the diagnostics of one file come to. Notes do not count. */
export function verdictOf(diagnostics: readonly Diagnostic[]): ValidationVerdict {
  if (diagnostics.some(({ severity }) => severity === 'error')) return 'error';
  return diagnostics.some(({ severity }) => severity === 'warning') ? 'warning' : 'ok';
}

/** Whether a severity is as bad as a threshold, or worse. */
export function isAtLeast(severity: Severity, threshold: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(threshold);
}

/** Worst first, then in the file's order. */
export function bySeverity(a: Diagnostic, b: Diagnostic): number {
  const severity = SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
  return severity !== 0 ? severity : (a.offset ?? Infinity) - (b.offset ?? Infinity) || 0;
}
