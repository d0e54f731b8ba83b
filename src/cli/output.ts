import type { GgufError } from '../gguf/errors.ts';
import { harmlessJson, visible } from '../report/inspection-text.ts';
import { plainStyle, type Style } from '../report/style.ts';
import { EXIT, type ExitCode, errorReport } from './exit.ts';

/** Prints a document: as JSON where that was asked for, otherwise as the text for a person. */
export function printDocument(document: object, json: boolean | undefined, text: () => string): void {
  process.stdout.write(`${json === true ? JSON.stringify(document, null, 2) : text()}\n`);
}

/** What a command hands to the library to say things to a person: on stderr, unless it is to be quiet. */
export function noticeUnless(quiet: boolean | undefined): (text: string) => void {
  return (text) => void (quiet === true || process.stderr.write(`${text}\n`));
}

/**
 * A file that is not valid GGUF is a finding about the file.
 * @param json what was asked for in the place of a text: a document, or a line of its own
 */
export function reportDamaged(
  error: GgufError,
  advice: string,
  { json = false, ndjson = false }: { readonly json?: boolean; readonly ndjson?: boolean } = {},
): ExitCode {
  const hint = error.hint ?? advice;
  process.stderr.write(`error: ${visible(error.message)} [${error.code}]\nhint: ${visible(hint)}\n`);
  if (json || ndjson) printErrorDocument(error, ndjson ? 0 : 2, hint);
  return EXIT.finding;
}

/** What stands where a document would. */
export function printErrorDocument(thrown: unknown, indent: 0 | 2, hint?: string): void {
  const report = errorReport(thrown);
  const error = { ...report.error, hint: report.error.hint ?? hint ?? null };
  process.stdout.write(`${harmlessJson({ ...report, error }, indent)}\n`);
}

/** chalk is loaded only where it may be needed: a pipe gets none of it unless it asks. */
export async function stdoutStyle(): Promise<Style> {
  if (!process.stdout.isTTY && process.env['FORCE_COLOR'] === undefined) return plainStyle;
  const { terminalStyle } = await import('./style.ts');
  return terminalStyle(process.stdout);
}
