import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import envPaths from 'env-paths';
import { type DocumentFile, documentFile, REPLIES_SUFFIX } from '../measure/replies-beside.ts';
import { messageOf, UsageError } from '../util/errors.ts';
import { makeFolder } from '../util/make-folder.ts';
import { isStream, requireWritable, writeOutput } from '../util/output-file.ts';
import type { Terminal } from './terminal.ts';

/** Results that were not asked to be kept are kept all the same, of this many runs. */
const KEPT_RUNS = 20;

/** A new file for results that have no --out, in the user's data folder; the oldest of them go. */
async function usualPath(): Promise<string> {
  const folder = join(envPaths('quantscope', { suffix: '' }).data, 'runs');
  try {
    await makeFolder(folder);
    const runs = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
    const old = runs.slice(0, -KEPT_RUNS + 1).flatMap((name) => [name, `${name}${REPLIES_SUFFIX}`]);
    await Promise.all(old.map((name) => rm(join(folder, name), { force: true })));
  } catch (cause) {
    throw new UsageError('output/unwritable', `${folder} cannot be used: ${messageOf(cause)}`, {
      cause,
      hint: 'Say where the results shall be kept with --out FILE.',
    });
  }
  return join(folder, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${process.pid}.json`);
}

/**
 * Keeps a run's results in a file from the first on, so that an interruption loses none.
 * @param out default: a file in the user's data folder
 * @param measure is handed what writes all results so far
 * @param stopped what to say of an interruption
 * @param filesOf what is written; the results are the last
 */
export async function keepResults<Results extends object>(
  out: string | undefined,
  terminal: Terminal,
  measure: (save: (soFar: Results) => Promise<void>) => Promise<Results>,
  stopped: (path: string, soFar: Results | undefined) => string | undefined,
  filesOf: (path: string, results: Results) => readonly DocumentFile[] = wholeFile,
): Promise<{ readonly results: Results; readonly path: string }> {
  const hint = 'Free some space, or name another file with --out.';
  if (out !== undefined) await requireWritable(out, hint);
  // A stream is written once: what there is in between is kept as if nothing had been asked for.
  const isStreamed = out !== undefined && (await isStream(out));
  const path = out === undefined || isStreamed ? await usualPath() : out;
  let last: Results | undefined;
  const save = async (soFar: Results): Promise<void> => {
    last = soFar;
    for (const file of filesOf(path, soFar)) await writeOutput(file.path, file.text, hint);
  };
  try {
    const results = await measure(save);
    if (results !== last) await save(results);
    if (isStreamed) await writeOutput(out, documentFile(out, results).text, hint);
    return { results, path };
  } catch (thrown) {
    terminal.clear();
    const text = terminal.signal.aborted ? stopped(path, last) : undefined;
    if (text !== undefined) terminal.notice(text);
    throw thrown;
  }
}

function wholeFile(path: string, results: object): DocumentFile[] {
  return [documentFile(path, results)];
}
