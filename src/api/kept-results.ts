import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import envPaths from 'env-paths';
import writeFileAtomic from 'write-file-atomic';
import { messageOf, UsageError } from '../util/errors.ts';

/** Results that nobody asked to keep are kept all the same, this many runs of them. */
const KEPT_RUNS = 20;

/** A new file for results that have no --out, in the user's data folder; the oldest of them go. */
export async function keptResultsPath(): Promise<string> {
  const folder = join(envPaths('quantscope', { suffix: '' }).data, 'runs');
  try {
    await mkdir(folder, { recursive: true });
    const runs = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
    await Promise.all(runs.slice(0, -KEPT_RUNS + 1).map((name) => rm(join(folder, name), { force: true })));
  } catch (cause) {
    throw new UsageError('output/unwritable', `${folder} cannot be used: ${messageOf(cause)}`, {
      cause,
      hint: 'Say where the results shall be kept with --out FILE.',
    });
  }
  return join(folder, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${process.pid}.json`);
}

/** Replaces the file as a whole: whoever reads it never finds half of it. */
export async function saveResults(path: string, results: object): Promise<void> {
  try {
    await writeFileAtomic(path, `${JSON.stringify(results, null, 2)}\n`);
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: 'Free some space, or name another file with --out.',
    });
  }
}
