import type { Progress } from '../../api/host.ts';
import { formatBytes } from '../../util/units.ts';

interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface ValidateProgressOptions {
  readonly stream: ProgressStream;
  readonly quiet: boolean;
}

/** One line on a terminal that says how far the check is; nothing anywhere else, since a check takes seconds. */
export interface ValidateProgress {
  readonly update: (progress: Progress) => void;
  /** Takes the line away while something is printed. */
  readonly pause: (print: () => void) => void;
  readonly stop: () => void;
}

const ERASE_LINE = '\r\u001B[2K';
const INTERVAL_MS = 100;

export function validateProgress({ stream, quiet }: ValidateProgressOptions): ValidateProgress {
  const live = stream.isTTY === true && !quiet;
  const read = new Map<string, number>();
  let files = 0;
  let total = 0;
  let finished = 0;
  let drawnAt = 0;
  const erase = (): void => {
    if (live && drawnAt > 0) stream.write(ERASE_LINE);
  };
  const draw = (): void => {
    const now = performance.now();
    if (!live || now - drawnAt < INTERVAL_MS) return;
    drawnAt = now;
    stream.write(`${ERASE_LINE}checking: ${finished} of ${files} files, ${formatBytes(total)} read`);
  };
  return {
    update: (progress) => {
      switch (progress.kind) {
        case 'plan':
          files = progress.subjects.length;
          return;
        case 'step':
          total += progress.done - (read.get(progress.subject) ?? 0);
          read.set(progress.subject, progress.done);
          return draw();
        case 'end':
          finished++;
          return draw();
      }
    },
    pause: (print) => {
      erase();
      print();
    },
    stop: erase,
  };
}
