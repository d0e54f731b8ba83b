import type { Progress } from '../../api/host.ts';
import { formatBytes } from '../../util/units.ts';
import { leftAt } from '../heartbeat.ts';
import { type StatusStream, statusLine } from '../status-line.ts';

/** How far the check is: files and bytes. */
export function validateProgress(stream: StatusStream, quiet: boolean) {
  const line = statusLine(stream, quiet);
  const read = new Map<string, number>();
  const running = new Map<string, number>();
  const startedAt = performance.now();
  let files = 0;
  let total = 0;
  let finished = 0;
  const draw = (): void =>
    line.show(() => {
      const halfway = [...running.values()].reduce((sum, share) => sum + share, 0);
      const left = leftAt((finished + halfway) / files, performance.now() - startedAt);
      return `checking: ${finished} of ${files} files, ${formatBytes(total)} read${left}`;
    });
  return {
    update(progress: Progress): void {
      if (progress.kind === 'plan') files = progress.subjects.length;
      else if (progress.kind === 'step') {
        total += progress.done - (read.get(progress.subject) ?? 0);
        read.set(progress.subject, progress.done);
        running.set(progress.subject, progress.total > 0 ? progress.done / progress.total : 0);
        draw();
      } else if (progress.kind === 'end') {
        finished++;
        running.delete(progress.subject);
        draw();
      }
    },
    clear: line.clear,
  };
}
