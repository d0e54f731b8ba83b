import type { PullPlan } from '../hub/pull.ts';
import { localModels } from '../model/download.ts';
import type { Model } from '../model/model.ts';
import { UsageError } from '../util/errors.ts';
import { formatBytes } from '../util/units.ts';
import { pullProgress } from './pull/progress.ts';
import { askYes, isInteractive } from './question.ts';
import { terminalStyle } from './style.ts';

/** More than this is not downloaded on a terminal without a question. */
const ASK_FROM_BYTES = 1e9;

export interface TerminalDownload {
  readonly yes: boolean | undefined;
  readonly quiet: boolean | undefined;
  readonly signal: AbortSignal;
  /** Whether each ref must stand for one model. */
  readonly oneEach?: boolean;
}

/** {@link localModels} with a question before a large download, and its progress on the terminal. */
export async function modelsOnDisk(
  refs: readonly string[],
  { yes = false, quiet = false, signal, oneEach = false }: TerminalDownload,
): Promise<Model[]> {
  const progress = pullProgress({
    stream: process.stderr,
    quiet,
    now: () => performance.now(),
    style: terminalStyle(process.stderr),
  });
  try {
    return await localModels(refs, {
      signal,
      notice: progress.say,
      oneEach,
      confirm: (plan) => confirmDownload(plan, { yes, signal }),
      progress,
    });
  } finally {
    progress.stop();
  }
}

/**
 * Asks before a large download, on a terminal; scripts have said what they want.
 * @throws UsageError `pull/declined`
 */
export async function confirmDownload(
  plan: PullPlan,
  { yes, signal }: { readonly yes: boolean; readonly signal: AbortSignal },
): Promise<void> {
  if (yes || !isInteractive() || plan.missingBytes <= ASK_FROM_BYTES) return;
  const count = plan.files.filter(({ state }) => state === 'absent').length;
  const what = `${count} file${count === 1 ? '' : 's'}, ${formatBytes(plan.missingBytes)}`;
  if (await askYes(`Download ${what}?`, signal)) return;
  throw new UsageError('pull/declined', `nothing was downloaded; it would have been ${what}`, {
    hint: 'Add --yes to download without a question.',
  });
}
