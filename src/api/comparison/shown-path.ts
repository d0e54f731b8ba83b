import { packagePath } from '../../util/package-files.ts';

/** Files of the package by their place in it, so that results from two machines read alike. */
export function shown(path: string): string {
  const root = packagePath('');
  return path.startsWith(root) ? path.slice(root.length).replace(/^[/\\]/, '') : path;
}
