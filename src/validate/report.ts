import type { Diagnostic, Verdict } from './diagnostic.ts';

/** Whether a file's content was checked: all of its bytes, or its header alone. */
export type ContentCheck =
  | { readonly status: 'checked' }
  | { readonly status: 'unavailable'; readonly reason: string };

/** What the command prints of one file. */
export interface FileReport {
  readonly ref: string;
  readonly verdict: Verdict;
  readonly bytes: number;
  /** null where the file was not read to its end. */
  readonly sha256: string | null;
  /** Where it was not checked, the rules of the group content and the hash say nothing. */
  readonly content: ContentCheck;
  readonly diagnostics: readonly Diagnostic[];
}

export const VALIDATION_SCHEMA_ID = 'quantscope/validation@1' as const;

/** What the command prints with `--json`. */
export interface ValidationReport {
  readonly schema: typeof VALIDATION_SCHEMA_ID;
  readonly files: readonly FileReport[];
}
