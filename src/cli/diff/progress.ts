import { formatBytes } from '../../util/units.ts';
import { type StatusStream, statusLine } from '../status-line.ts';

/** How far the comparison is, and how fast. */
export function diffProgress(stream: StatusStream, quiet: boolean) {
  const line = statusLine(stream, quiet);
  const startedAt = performance.now();
  return {
    update: (doneBytes: number, totalBytes: number): void =>
      line.show(() => {
        const percent = Math.floor((100 * doneBytes) / totalBytes);
        const perSecond = (doneBytes / (performance.now() - startedAt)) * 1000;
        return `comparing: ${percent} % of ${formatBytes(totalBytes)}, ${formatBytes(Math.round(perSecond))}/s`;
      }),
    stop: line.clear,
  };
}
