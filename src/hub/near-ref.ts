import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { nearest } from '../util/nearest.ts';
import { isModelPath } from './gguf-names.ts';

/**
 * The ref that was probably meant by one that names nothing: a model file or folder beside it, a name of the
 * catalogue with the same `:QUANT`, or nano.
 */
export async function nearRef(ref: string, catalogueNames: readonly string[]): Promise<string | undefined> {
  const folder = dirname(ref);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const here = entries
    .filter((entry) => entry.isDirectory() || isModelPath(entry.name))
    .map(({ name }) => name)
    // A link that leads nowhere has the very name.
    .filter((name) => name !== basename(ref));
  const file = nearest(basename(ref), here);
  if (file !== undefined) return ref.includes('/') || ref.includes('\\') ? join(folder, file) : file;
  const [, name, quantization = ''] = /^([^/\\:]+)(:[\w.-]+)?$/.exec(ref) ?? [];
  const known = name === undefined ? undefined : nearest(name, [...catalogueNames, 'nano']);
  return known === undefined ? undefined : `${known}${quantization}`;
}
