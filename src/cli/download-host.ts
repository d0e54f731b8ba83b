import type { Host } from '../api/host.ts';
import { confirmDownload } from './model-files.ts';
import { pullProgress } from './pull/progress.ts';
import { terminalStyle } from './style.ts';

/** What a command that may download hands to the library: a question, one bar for all files, and notices on stderr. */
export function downloadHost(
  {
    yes = false,
    quiet = false,
  }: { readonly yes?: boolean | undefined; readonly quiet?: boolean | undefined },
  signal: AbortSignal,
): Required<Host> & Disposable {
  const shown = pullProgress({
    stream: process.stderr,
    quiet,
    now: () => performance.now(),
    style: terminalStyle(process.stderr),
  });
  return {
    signal,
    notice: shown.say,
    confirm: (plan) => confirmDownload(plan, { yes, signal }),
    progress: (event) => {
      if (event.kind === 'download') shown.start(event.plan);
      if (event.kind === 'download-bytes') shown.update(event.file, event.doneBytes);
      if (event.kind === 'download-end') shown.finishFile(event.file);
      if (event.kind === 'idle') shown.stop();
    },
    [Symbol.dispose]: shown.stop,
  };
}
