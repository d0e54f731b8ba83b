import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The package's root: the nearest folder above with a package.json, however deep the build puts this file. */
const ROOT = rootAbove(new URL('.', import.meta.url));

function rootAbove(folder: URL): URL {
  const above = new URL('..', folder);
  if (above.href === folder.href || existsSync(new URL('package.json', folder))) return folder;
  return rootAbove(above);
}

/** The path of a file that ships with the package. */
export function packagePath(relative: string): string {
  return fileURLToPath(new URL(relative, ROOT));
}

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string };
  return version;
}
