import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The package's root, seen from dist/cli (and from src/cli, at the same depth). */
const ROOT = new URL('../../', import.meta.url);

/** The path of a file that ships with the package. */
export function packagePath(relative: string): string {
  return fileURLToPath(new URL(relative, ROOT));
}

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string };
  return version;
}
