/** How bad a finding is, worst first. An error fails the file, a warning asks for a look, a note informs. */
export const SEVERITIES = ['error', 'warning', 'note'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a rule's check yields: one thing that is wrong, and where. */
export interface Finding {
  /** What, where, got and expected. */
  readonly message: string;
  /** Bytes from the start of the file. */
  readonly offset?: number;
  readonly tensor?: string;
  readonly key?: string;
  /** What would mend it, as a full sentence. */
  readonly hint?: string;
  /** Where this finding is milder or worse than its rule. */
  readonly severity?: Severity;
}

/** A finding with the rule it breaks: what commands print. */
export interface Diagnostic extends Finding {
  /** The rule's stable id: `tensor/offset`. */
  readonly rule: string;
  readonly severity: Severity;
}

export type Verdict = 'ok' | 'warning' | 'error';

/** What the diagnostics of one file come to. Notes do not count. */
export function verdictOf(diagnostics: readonly Diagnostic[]): Verdict {
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
