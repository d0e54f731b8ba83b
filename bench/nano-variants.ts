import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHeader } from '../dist/index.js';

const nano = readFileSync(new URL('../fixtures/nano/nano-phi3-Q2_K.gguf', import.meta.url));

/**
 * Writes files with the header of a nano model, each with a name of its own in it, and none of its weights but the
 * first: small, as different as files of one model are, and faulty in the same way.
 */
export function writeNanoVariants(folder: string, count: number): void {
  const header = parseHeader(nano, { fileBytes: nano.length });
  const kept = nano.subarray(0, header.dataOffset);
  const name = header.metadata.get('general.name');
  if (name?.type !== 'string') throw new Error('nano has no name');
  const at = kept.indexOf(name.value, 0, 'utf8');
  for (let index = 0; index < count; index++) {
    kept.write(String(index).padStart(name.value.length, '0').slice(-name.value.length), at, 'utf8');
    writeFileSync(join(folder, `nano-${String(index).padStart(5, '0')}.gguf`), kept);
  }
}
