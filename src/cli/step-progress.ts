import { displayWidth, padRight, printable, shortenMiddle } from '../report/text-width.ts';
import { meter, type ProgressStream, progressBar } from './progress-bar.ts';

/** A bar for what is being done, between lines that are printed for good. */
export interface StepProgress {
  readonly update: (label: string, done: number, total: number) => void;
  /** Takes the bar away, so that something can be printed; the next update brings it back. */
  readonly clear: () => void;
}

const METER_WIDTH = 24;

/**
 * One bar on a terminal, nothing elsewhere, where a line is printed for everything that ends.
 * @param position where the run as a whole is: `3 of 12`
 */
export function stepProgress(stream: ProgressStream, quiet: boolean, position: () => string): StepProgress {
  if (quiet || !stream.isTTY) return { update() {}, clear() {} };
  let label = '';
  const bar = progressBar(stream, (fraction) => {
    const width = (stream.columns || 80) - 1;
    const percent = String(Math.floor(fraction * 100)).padStart(3);
    const tail = `  ${meter(fraction, METER_WIDTH)} ${percent} %  ${position()}`;
    const space = Math.max(10, width - displayWidth(tail));
    return shortenMiddle(padRight(shortenMiddle(printable(label), space), Math.min(space, 40)) + tail, width);
  });
  return {
    update(text, done, total) {
      label = text;
      bar.show(done, total);
    },
    clear: bar.clear,
  };
}
