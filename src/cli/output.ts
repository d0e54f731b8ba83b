import type { GgufError } from '../gguf/errors.ts';
import { visible } from '../report/inspection-text.ts';
import { plainStyle, type Style } from '../report/style.ts';
import { EXIT, type ExitCode } from './exit.ts';

/** Prints a document: as JSON where that was asked for, otherwise as the text for a person. */
export function printDocument(document: object, json: boolean | undefined, text: () => string): void {
  process.stdout.write(`${json === true ? JSON.stringify(document, null, 2) : text()}\n`);
}

/** What a command hands to the library to say things to a person: on stderr, unless it is to be quiet. */
export function noticeUnless(quiet: boolean | undefined): (text: string) => void {
  return (text) => void (quiet === true || process.stderr.write(`${text}\n`));
}

/** A file that is not valid GGUF is a finding about the file. */
export function reportDamaged({ message, code, hint }: GgufError, advice: string): ExitCode {
  process.stderr.write(`error: ${visible(message)} [${code}]\nhint: ${visible(hint ?? advice)}\n`);
  return EXIT.finding;
}

/** chalk is loaded only where it may be needed: a pipe gets none of it unless it asks. */
export async function stdoutStyle(): Promise<Style> {
  if (!process.stdout.isTTY && process.env['FORCE_COLOR'] === undefined) return plainStyle;
  const { terminalStyle } = await import('./style.ts');
  return terminalStyle(process.stdout);
}
