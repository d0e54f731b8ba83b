/** Beside the work, so that `--help` loads none of it. */
export const VARIANTS_DEFAULTS = { context: 4096 } as const;
