import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const FOLDER = fileURLToPath(new URL('../../../shared/cases-2/', import.meta.url));

/** Why tests of files from the field are skipped here; null where they are there. */
export const withoutFieldCases: string | null = existsSync(FOLDER)
  ? null
  : 'no files from the field beside the repository (../shared/cases-2)';

/** A file from the field by its name without `.gguf`. */
export function fieldCase(name: string): Uint8Array {
  return gunzipSync(readFileSync(`${FOLDER}${name}.gguf.gz`));
}

/** The header alone of one that is kept so. */
export function fieldHeader(name: string): Uint8Array {
  return gunzipSync(readFileSync(`${FOLDER}${name}.gguf.header.gz`));
}
