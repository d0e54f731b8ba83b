import type { KitFinding } from '../schema/kit.ts';

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
