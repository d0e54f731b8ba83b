import type { Diagnostic, Verdict } from './diagnostic.ts';

/** What the command prints of one file. */
export interface FileReport {
  readonly ref: string;
  readonly verdict: Verdict;
  readonly bytes: number;
  /** null where the file was not read to its end. */
  readonly sha256: string | null;
  readonly diagnostics: readonly Diagnostic[];
}

export const VALIDATION_SCHEMA_ID = 'quantscope/validation@1' as const;

/** What the command prints with `--json`. */
export interface ValidationReport {
  readonly schema: typeof VALIDATION_SCHEMA_ID;
  readonly files: readonly FileReport[];
}
