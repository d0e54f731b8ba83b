import type { KitFinding } from '../schema/kit.ts';

type Code = KitFinding['code'];

/** What a check of a phone's results has found, collected as it goes. */
export class KitFindings {
  readonly all: KitFinding[] = [];

  error(code: Code, message: string): void {
    this.all.push({ level: 'error', code, message });
  }

  warning(code: Code, message: string): void {
    this.all.push({ level: 'warning', code, message });
  }

  note(code: Code, message: string): void {
    this.all.push({ level: 'note', code, message });
  }
}

const SHOWN = 60;

/** A text of the model's, as it can stand in a line. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}
