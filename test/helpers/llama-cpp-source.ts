import { execFileSync, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const BUNDLE = join(
  dirname(createRequire(import.meta.url).resolve('node-llama-cpp')),
  '../llama/gitRelease.bundle',
);

/** Why tests that read llama.cpp's source are skipped here; null where they are not. */
export const withoutGit: string | null =
  spawnSync('git', ['--version']).status === 0 ? null : 'the source is a git bundle, and git is not there';

/** The source that node-llama-cpp carries: the revision that its binaries were built from. */
export interface LlamaCppSource {
  readonly text: (path: string) => string;
  readonly bytes: (path: string) => Uint8Array;
  /** Paths of the files in a folder. */
  readonly list: (folder: string) => string[];
}

/** @param folder that is not there yet */
export function llamaCppSource(folder: string): LlamaCppSource {
  const git = (...args: string[]) => execFileSync('git', args, { maxBuffer: 2 ** 26 });
  git('clone', '--quiet', '--bare', BUNDLE, folder);
  const bytes = (path: string) => git('-C', folder, 'show', `HEAD:${path}`);
  return {
    bytes,
    text: (path) => bytes(path).toString('utf8'),
    list: (path) =>
      git('-C', folder, 'ls-tree', '--name-only', 'HEAD', `${path}/`).toString('utf8').trim().split('\n'),
  };
}
