import type { Stats } from 'node:fs';
import { lstat, readdir, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { boundedText } from '../util/bounded-text.ts';
import { isSafePath } from '../util/safe-names.ts';

/** Bytes in the store. */
export interface SharedPayload {
  readonly path: string;
  readonly sizeBytes: number;
}

const XET_HASH = /^[0-9a-f]{64}$/;
const MARKER = '.huggingface-shared-blobs';
const LAYOUT_VERSION = '1';
const REFERENCE = /^(?:models|datasets|spaces|kernels)--[^/\r\n]+\/blobs\/[^/\r\n]+$/;

/**
 * The store in which huggingface_hub (from 1.33 on) keeps what came by Xet, once for all repositories of a cache:
 *
 *     blobs/.huggingface-shared-blobs      "1": without this mark the folder is someone else's
 *           <2 hex>/<xet hash>             the bytes
 *                   <xet hash>.refs        the blobs that led to them: lines, which may be out of date
 *     models--OWNER--NAME/blobs/<etag>  -> ../../blobs/<2 hex>/<xet hash>
 *
 * As there, bytes go only when their list can be read and none of its blobs leads to them any more.
 */
export class SharedStore {
  readonly #cacheFolder: string;
  readonly #folder: string;

  constructor(cacheFolder: string) {
    this.#cacheFolder = resolve(cacheFolder);
    this.#folder = join(this.#cacheFolder, 'blobs');
  }

  /** The bytes in the store that a repository's blob leads to; undefined where it leads elsewhere or nowhere. */
  async payloadOf(blob: string): Promise<SharedPayload | undefined> {
    const path = await this.#target(blob);
    const stats = path === undefined ? undefined : await regularFile(path);
    return path === undefined || stats === undefined || !(await this.#isStore())
      ? undefined
      : { path, sizeBytes: stats.size };
  }

  /** The blobs that lead to some bytes; undefined where their list cannot be read, so that nobody knows. */
  async references(payload: string): Promise<ReadonlySet<string> | undefined> {
    const list = `${payload}.refs`;
    if ((await regularFile(list)) === undefined) return undefined;
    const text = await boundedText(list).catch(() => undefined);
    if (text === undefined) return undefined;
    const found = new Set<string>();
    for (const line of text.split(/\r?\n/)) {
      if (!REFERENCE.test(line) || !isSafePath(line)) continue;
      const blob = join(this.#cacheFolder, ...line.split('/'));
      if ((await this.#target(blob)) === payload) found.add(blob);
    }
    return found;
  }

  /** All bytes that no repository leads to any more. */
  async orphans(): Promise<SharedPayload[]> {
    if (!(await this.#isStore())) return [];
    const found: SharedPayload[] = [];
    for (const prefix of await readdir(this.#folder).catch(() => [])) {
      if (!/^[0-9a-f]{2}$/.test(prefix)) continue;
      for (const name of await readdir(join(this.#folder, prefix)).catch(() => [])) {
        const path = join(this.#folder, prefix, name);
        const stats = XET_HASH.test(name) ? await regularFile(path) : undefined;
        if (stats !== undefined && (await this.references(path))?.size === 0)
          found.push({ path, sizeBytes: stats.size });
      }
    }
    return found;
  }

  /** Removes bytes that nothing leads to any more; of others the list is brought up to date. */
  async sweep(payload: string): Promise<void> {
    const references = await this.references(payload);
    if (references === undefined) return;
    if (references.size === 0) {
      await rm(payload, { force: true });
      await rm(`${payload}.refs`, { force: true });
      return;
    }
    const lines = [...references]
      .sort()
      .map((blob) => relative(this.#cacheFolder, blob).replaceAll('\\', '/'));
    const scratch = `${payload}.refs.quantscope.tmp`;
    await writeFile(scratch, `${lines.join('\n')}\n`);
    await rename(scratch, `${payload}.refs`);
  }

  /** Where a link of a repository leads, where that is a place in the store. */
  async #target(blob: string): Promise<string | undefined> {
    const link = await readlink(blob).catch(() => undefined);
    if (link === undefined) return undefined;
    const path = resolve(dirname(blob), link);
    const [prefix = '', hash = '', ...more] = relative(this.#folder, path).split(sep);
    return more.length === 0 && XET_HASH.test(hash) && hash.startsWith(prefix) && prefix.length === 2
      ? path
      : undefined;
  }

  async #isStore(): Promise<boolean> {
    const mark = await boundedText(join(this.#folder, MARKER)).catch(() => '');
    return mark.trim() === LAYOUT_VERSION;
  }
}

async function regularFile(path: string): Promise<Stats | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isFile() === true ? stats : undefined;
}
