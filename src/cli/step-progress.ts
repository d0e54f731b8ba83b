import { SingleBar } from 'cli-progress';
import { displayWidth, padRight, printable, shortenMiddle } from '../report/text-width.ts';

interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** A bar for what is being done, between lines that are printed for good. */
export interface StepProgress {
  readonly update: (label: string, done: number, total: number) => void;
  /** Takes the bar away, so that something can be printed; the next update brings it back. */
  readonly clear: () => void;
}

const METER_WIDTH = 24;

/**
 * One bar on a terminal, nothing elsewhere: whoever runs this prints a line for everything that ends.
 * @param position where the run as a whole is: `3 of 12`
 */
export function stepProgress(stream: ProgressStream, quiet: boolean, position: () => string): StepProgress {
  if (quiet || !stream.isTTY) return { update() {}, clear() {} };
  let bar: SingleBar | undefined;
  let label = '';
  const line = (share: number): string => {
    const filled = Math.round(share * METER_WIDTH);
    const meter = '='.repeat(filled) + '-'.repeat(METER_WIDTH - filled);
    const width = (stream.columns || 80) - 1;
    const tail = `  ${meter} ${String(Math.floor(share * 100)).padStart(3)} %  ${position()}`;
    const room = Math.max(10, width - displayWidth(tail));
    return shortenMiddle(padRight(shortenMiddle(printable(label), room), Math.min(room, 40)) + tail, width);
  };
  return {
    update(text, done, total) {
      label = text;
      if (bar === undefined) {
        bar = new SingleBar({
          stream,
          format: (_options, { progress }) => line(progress),
          fps: 10,
          hideCursor: true,
          clearOnComplete: true,
          // Signals are the command's.
          gracefulExit: false,
        });
        bar.start(Math.max(total, 1), done);
        return;
      }
      bar.setTotal(Math.max(total, 1));
      bar.update(Math.min(done, total));
    },
    clear() {
      bar?.stop();
      bar = undefined;
    },
  };
}
