import { formatBytes } from '../../util/units.ts';

interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** One line on a terminal that says how far the comparison is; nothing anywhere else. */
export interface DiffProgress {
  readonly update: (doneBytes: number, totalBytes: number) => void;
  /** Takes the line away. */
  readonly stop: () => void;
}

const ERASE_LINE = '\r\u001B[2K';
const INTERVAL_MS = 100;

export function diffProgress(stream: ProgressStream, quiet: boolean): DiffProgress {
  const live = stream.isTTY === true && !quiet;
  const startedAt = performance.now();
  let drawnAt = 0;
  return {
    update: (doneBytes, totalBytes) => {
      const now = performance.now();
      if (!live || now - drawnAt < INTERVAL_MS) return;
      drawnAt = now;
      const percent = Math.floor((100 * doneBytes) / totalBytes);
      const perSecond = (doneBytes / (now - startedAt)) * 1000;
      stream.write(
        `${ERASE_LINE}comparing: ${percent} % of ${formatBytes(totalBytes)}, ${formatBytes(Math.round(perSecond))}/s`,
      );
    },
    stop: () => {
      if (drawnAt > 0) stream.write(ERASE_LINE);
      drawnAt = 0;
    },
  };
}
