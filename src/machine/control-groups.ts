import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from './small-file.ts';

/** The control groups that bound this process in one respect, its own first and the outermost last. */
export interface ControlGroups {
  readonly version: 1 | 2;
  readonly folders: readonly string[];
}

const MOUNT = 'sys/fs/cgroup';

/**
 * Where Linux keeps the limits of this process and of all groups around it. A container sees its own group as the
 * outermost, be its path in /proc/self/cgroup the host's or its own.
 * @param root where /proc and /sys are found
 */
export function controlGroups(controller: 'memory' | 'cpu', root = '/'): ControlGroups | null {
  const lines = (textOf(join(root, 'proc/self/cgroup')) ?? '').split('\n').map((line) => line.split(':'));
  const first = lines.find(([, controllers]) => controllers?.split(',').includes(controller));
  if (first !== undefined) {
    // Controllers that are mounted together have a folder named after both, and mostly a link for each.
    const mount = [controller, first[1] ?? '']
      .map((name) => join(root, MOUNT, name))
      .find((folder) => existsSync(folder));
    if (mount !== undefined) return { version: 1, folders: upTo(mount, first[2] ?? '/') };
  }
  const unified = lines.find(([number, controllers]) => number === '0' && controllers === '');
  const mount = join(root, MOUNT);
  if (unified === undefined || !existsSync(join(mount, 'cgroup.controllers'))) return null;
  return { version: 2, folders: upTo(mount, unified[2] ?? '/') };
}

/** The folders from `path` below `mount` up to `mount` itself, as far as they are there. */
function upTo(mount: string, path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  const folders: string[] = [];
  for (let depth = parts.length; depth >= 0; depth--) folders.push(join(mount, ...parts.slice(0, depth)));
  return folders.filter((folder) => existsSync(folder));
}
