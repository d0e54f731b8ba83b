export const KIT_FINDINGS = [
  'kit/prompt-tokens',
  'kit/wrong-token',
  'kit/wrong-distribution',
  'kit/replay-missing',
  'kit/near-tie',
  'kit/template',
  'kit/not-compared',
  'kit/no-gpu',
  'kit/slower',
  'kit/faster',
  'kit/memory',
] as const;

export interface KitFinding {
  /** An error is a phone that computes something else; exit code 1. */
  readonly level: 'error' | 'warning' | 'note';
  readonly code: (typeof KIT_FINDINGS)[number];
  readonly message: string;
}

export function error(code: KitFinding['code'], message: string): KitFinding {
  return { level: 'error', code, message };
}

export function warning(code: KitFinding['code'], message: string): KitFinding {
  return { level: 'warning', code, message };
}

export function note(code: KitFinding['code'], message: string): KitFinding {
  return { level: 'note', code, message };
}

const SHOWN = 60;

/** A text of the model's, as it can stand in a line. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}
