import { formatBytes } from '../../util/units.ts';
import { leftAt } from '../heartbeat.ts';
import { type StatusStream, statusLine } from '../status-line.ts';

/** How far the comparison is, and how fast. */
export function diffProgress(stream: StatusStream, quiet: boolean) {
  const line = statusLine(stream, quiet);
  const startedAt = performance.now();
  return {
    update: (doneBytes: number, totalBytes: number): void =>
      line.show(() => {
        const percent = Math.floor((100 * doneBytes) / totalBytes);
        const elapsedMs = performance.now() - startedAt;
        const rate = formatBytes(Math.round((doneBytes / elapsedMs) * 1000));
        const left = leftAt(doneBytes / totalBytes, elapsedMs);
        return `comparing: ${percent} % of ${formatBytes(totalBytes)}, ${rate}/s${left}`;
      }),
    stop: line.clear,
  };
}
