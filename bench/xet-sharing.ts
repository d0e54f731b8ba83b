/**
 * What two files of a model have in common as Xet's storage sees them: the bytes of the second that lie in chunks which
 * the first has too. That is the most that a client which keeps chunks could save by pulling the second after the first.
 *
 *     npx tsx bench/xet-sharing.ts first.gguf second.gguf...
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { getChunks, hashToHex } from '@huggingface/xetchunk-wasm';

const KIBI = 1024;
/** Of the storage: content-defined chunks of 64 KiB on average. */
const CHUNK_BYTES = 64 * KIBI;

interface Chunks {
  readonly name: string;
  readonly lengths: ReadonlyMap<string, number>;
  readonly all: readonly { readonly hash: string; readonly length: number }[];
}

function chunksOf(path: string): Chunks {
  const all = getChunks(readFileSync(path), CHUNK_BYTES).map(({ hash, length }) => ({
    hash: hashToHex(hash),
    length,
  }));
  return { name: basename(path), all, lengths: new Map(all.map(({ hash, length }) => [hash, length])) };
}

const files = process.argv.slice(2).map(chunksOf);
const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
for (const first of files) {
  for (const second of files) {
    if (first === second) continue;
    const shared = second.all.filter(({ hash }) => first.lengths.has(hash));
    const bytes = (chunks: Chunks['all']): number => chunks.reduce((sum, { length }) => sum + length, 0);
    const share = percent(bytes(shared), bytes(second.all));
    process.stdout.write(
      `${share.padStart(7)} of ${second.name} after ${first.name} (${second.all.length} chunks)\n`,
    );
  }
}
