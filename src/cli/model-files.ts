import { refAccess } from '../api/refs/ref-access.ts';
import type { PullPlan, ResolvedFile } from '../hub/index.ts';
import { resolveRefs } from '../hub/index.ts';
import { UsageError } from '../util/errors.ts';
import { formatBytes } from '../util/units.ts';
import { pullProgress } from './pull/progress.ts';
import { askYes, isInteractive } from './question.ts';
import { terminalStyle } from './style.ts';

/** More than this is not downloaded on a terminal without a question. */
const ASK_FROM_BYTES = 1e9;

export interface ModelsOnDisk {
  readonly yes: boolean | undefined;
  readonly quiet: boolean | undefined;
  readonly signal: AbortSignal;
}

/** The files that refs stand for, downloaded where they are on the Hub: what measuring commands begin with. */
export async function filesOf(
  refs: readonly string[],
  { yes = false, quiet = false, signal }: ModelsOnDisk,
): Promise<ResolvedFile[]> {
  const progress = pullProgress({
    stream: process.stderr,
    quiet,
    now: () => performance.now(),
    style: terminalStyle(process.stderr),
  });
  try {
    return await resolveRefs(refs, {
      ...(await refAccess({ signal, notice: progress.say })),
      confirm: async (plan) => {
        await confirmDownload(plan, { yes, signal });
        progress.start(plan);
      },
      pull: {
        files: 2,
        connections: 'auto',
        onProgress: (file, { doneBytes }) => progress.update(file, doneBytes),
        onFileEnd: progress.finishFile,
      },
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
