import { SingleBar } from 'cli-progress';

/** The part of a stream that progress needs; `process.stderr` is one. */
export interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** One line that is drawn over and over, until it is cleared so that something can be printed. */
export interface ProgressBar {
  /** Draws the line from now on, on a timer, so that times in it move while nothing is reported. */
  readonly show: (done: number, total: number) => void;
  /** Takes it away; `show` brings it back. */
  readonly clear: () => void;
}

/** @param line what is drawn, from the fraction that is done */
export function progressBar(
  stream: ProgressStream,
  line: (fraction: number) => string,
  redrawsPerSecond = 10,
): ProgressBar {
  let bar: SingleBar | undefined;
  return {
    show(done, wanted) {
      const total = Math.max(wanted, 1);
      if (bar !== undefined) {
        bar.setTotal(total);
        bar.update(Math.min(done, total));
        return;
      }
      bar = new SingleBar({
        stream,
        format: (_options, { progress }) => line(progress),
        fps: redrawsPerSecond,
        hideCursor: true,
        clearOnComplete: true,
        // Signals are the command's: it stops the engine's processes first.
        gracefulExit: false,
      });
      bar.start(total, done);
    },
    clear() {
      bar?.stop();
      bar = undefined;
    },
  };
}

/** `=====---`: so much of a width as is done. */
export function meter(fraction: number, width: number): string {
  const filled = Math.round(fraction * width);
  return '='.repeat(filled) + '-'.repeat(width - filled);
}
