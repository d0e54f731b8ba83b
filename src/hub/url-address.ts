import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { shardNames } from '../gguf/shards.ts';
import { UsageError } from '../util/errors.ts';
import { isSafePath, shownAddress } from '../util/safe-names.ts';

/** One file behind a plain address, which no repository describes. */
export interface UrlAddress {
  /** What is asked for: without a fragment. */
  readonly href: string;
  /** What a person may see: without the query, which may hold a signature. */
  readonly shown: string;
  /** Where it is kept: all shards of a model in one folder, as llama.cpp wants them. */
  readonly place: string;
  /** What the user says the SHA-256 is, by `#sha256=` behind the address, as pip has it. */
  readonly sha256: string | null;
}

/** Long enough for any model, short enough for a file system with what is put behind it. */
const LONGEST_NAME = 180;

/**
 * The files of the model that an address means: its shards where the name says that it has some.
 * @throws UsageError `ref/invalid`
 */
export function addressesOf(text: string, folder: string): UrlAddress[] {
  const url = new URL(text);
  const [, sha256 = null] = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash) ?? [];
  if (url.hash !== '' && sha256 === null) {
    throw new UsageError('ref/invalid', `${shownAddress(text)}: "${url.hash}" says nothing about a file`, {
      hint: 'Behind "#" only sha256= and 64 hexadecimal digits are understood.',
    });
  }
  const paths = shardNames(url.pathname);
  if (sha256 !== null && paths.length > 1) {
    throw new UsageError('ref/invalid', `${shownAddress(text)}: one SHA-256 for ${paths.length} shards`, {
      hint: 'Leave #sha256= out for a model of several files.',
    });
  }
  const hrefs = paths.map((path) => `${url.origin}${path}${url.search}`);
  const key = createHash('sha256')
    .update(hrefs[0] ?? text)
    .digest('hex')
    .slice(0, 32);
  return hrefs.map((href) => ({
    href,
    shown: shownAddress(href),
    place: join(folder, key, fileName(href)),
    sha256: sha256?.toLowerCase() ?? null,
  }));
}

function fileName(href: string): string {
  const last = new URL(href).pathname.split('/').at(-1) ?? '';
  let name = last;
  try {
    name = decodeURIComponent(last);
  } catch {
    // A name that is no UTF-8 is kept in its escapes.
  }
  const usable = name.replaceAll(/[<>:"|?*]/g, '_').slice(-LONGEST_NAME);
  if (usable.includes('/') || !isSafePath(usable)) return 'model.gguf';
  return /\.gguf$/i.test(usable) ? usable : `${usable}.gguf`;
}
