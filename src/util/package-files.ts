import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The nearest folder above this module with a package.json, be it in src or in a bundle. */
function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** The path of a file that ships with the package. */
export function packagePath(relative: string): string {
  return join(packageRoot(), relative);
}

/** What stands in a file that ships with the package. */
export function packageText(relative: string): string {
  return readFileSync(packagePath(relative), 'utf8');
}

export function packageJson(relative: string): unknown {
  return JSON.parse(packageText(relative));
}

export function packageVersion(): string {
  return (packageJson('package.json') as { version: string }).version;
}
