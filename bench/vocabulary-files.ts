import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUNDLE = fileURLToPath(
  new URL('../node_modules/node-llama-cpp/llama/gitRelease.bundle', import.meta.url),
);

/** Real vocabulary files in a folder of their own, for the time of a run. */
export interface VocabularyFiles extends Disposable {
  readonly paths: readonly string[];
}

/**
 * Takes llama.cpp's `models/ggml-vocab-*.gguf` out of the source that node-llama-cpp bundles: real files of
 * other people's making, 0.6 to 16 MB each.
 */
export function extractVocabularyFiles(): VocabularyFiles {
  const folder = mkdtempSync(join(tmpdir(), 'quantscope-vocabularies-'));
  const repository = join(folder, 'llama.cpp.git');
  const git = (args: readonly string[], output: 'pipe' | number = 'pipe'): string | null =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', output, 'pipe'] });
  git(['clone', '--bare', '--quiet', BUNDLE, repository]);
  const listing = git(['-C', repository, 'ls-tree', '--name-only', 'HEAD', 'models/']) ?? '';
  const names = listing.split('\n').filter((name) => /^models\/ggml-vocab-.*\.gguf$/.test(name));
  const paths = names.map((name) => {
    const path = join(folder, name.replace('models/', ''));
    const file = openSync(path, 'w');
    git(['-C', repository, 'show', `HEAD:${name}`], file);
    closeSync(file);
    return path;
  });
  rmSync(repository, { recursive: true });
  return { paths, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
