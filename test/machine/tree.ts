import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { scratchFolder } from '../helpers/cli.ts';

/** What `read` says of a machine whose /proc and /sys hold `files`, by their paths without the first slash. */
export async function onMachine<Result>(
  files: Readonly<Record<string, string>>,
  read: (root: string) => Result | Promise<Result>,
): Promise<Result> {
  await using scratch = await scratchFolder();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(scratch.path(name)), { recursive: true });
    await writeFile(scratch.path(name), content);
  }
  // Awaited here: the folder goes with this scope.
  return await read(scratch.folder);
}

/** The files of one group under version 2 of control groups, which a container sees as the outermost. */
export function groupFiles(files: Readonly<Record<string, string>>, path = ''): Record<string, string> {
  return {
    'proc/self/cgroup': `0::/${path}\n`,
    'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
    ...Object.fromEntries(
      Object.entries(files).map(([name, text]) => [
        `sys/fs/cgroup/${path === '' ? '' : `${path}/`}${name}`,
        text,
      ]),
    ),
  };
}
