import type { Progress } from '../../api/host.ts';
import { formatBytes } from '../../util/units.ts';
import { type StatusStream, statusLine } from '../status-line.ts';

/** How far the check is: files and bytes. */
export function validateProgress(stream: StatusStream, quiet: boolean) {
  const line = statusLine(stream, quiet);
  const read = new Map<string, number>();
  let files = 0;
  let total = 0;
  let finished = 0;
  const draw = (): void =>
    line.show(() => `checking: ${finished} of ${files} files, ${formatBytes(total)} read`);
  return {
    update(progress: Progress): void {
      if (progress.kind === 'plan') files = progress.subjects.length;
      else if (progress.kind === 'step') {
        total += progress.done - (read.get(progress.subject) ?? 0);
        read.set(progress.subject, progress.done);
        draw();
      } else if (progress.kind === 'end') {
        finished++;
        draw();
      }
    },
    clear: line.clear,
  };
}
