import { fileURLToPath } from 'node:url';

export const nanoFolder = fileURLToPath(new URL('../../fixtures/nano/', import.meta.url));

/** Path of a variant of the embedded family, or of the text that goes with it. */
export function nanoPath(name: string): string {
  return name === 'text' ? `${nanoFolder}text.txt` : `${nanoFolder}nano-phi3-${name}.gguf`;
}
