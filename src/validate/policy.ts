/** What a team accepts: the content of `quantscope.policy.json`. A field that is absent asks nothing. */
export interface Policy {
  /** `general.architecture`. */
  readonly architectures?: readonly string[] | undefined;
  /** Labels of recipes: `Q4_K_M`. */
  readonly quantizations?: readonly string[] | undefined;
  /** Tensor types that may occur. */
  readonly tensorTypes?: readonly string[] | undefined;
  readonly maxFileBytes?: number | undefined;
  readonly minFileBytes?: number | undefined;
  readonly maxParameters?: number | undefined;
  readonly maxMemory?: { readonly bytes: number; readonly contextSize: number } | undefined;
  /** `general.license`, ignoring case. */
  readonly licenses?: readonly string[] | undefined;
  readonly requiredKeys?: readonly string[] | undefined;
  readonly forbiddenKeys?: readonly string[] | undefined;
  /** SHA-256 of files that are known to be good. */
  readonly sha256?: readonly string[] | undefined;
  /** SHA-256 of chat templates that are known to be good. */
  readonly chatTemplates?: readonly string[] | undefined;
  /** Whether every file must have a manifest. */
  readonly requireManifest?: boolean | undefined;
  /** Severities other than the rules' own; `off` drops the rule. */
  readonly severities?: Readonly<Record<string, 'error' | 'warning' | 'note' | 'off'>> | undefined;
}
