import { displayWidth, padRight, printable, shortenMiddle } from '../report/text-width.ts';
import { type Heartbeat, heartbeat, leftAt } from './heartbeat.ts';
import { meter, type ProgressStream, progressBar } from './progress-bar.ts';

/** A bar for what is being done, between lines that are printed for good. */
export interface StepProgress {
  readonly update: (label: string, done: number, total: number) => void;
  /** Takes the bar away, so that something can be printed; the next update brings it back. */
  readonly clear: () => void;
}

const METER_WIDTH = 24;

/** Where the run as a whole is. */
export type Piece = readonly [index: number, count: number];

/**
 * One bar on a terminal; elsewhere, where a line is printed for everything that ends, a line now and then with the time
 * that is left.
 * @param piece which part of the run this is, where that is known
 */
export function stepProgress(
  stream: ProgressStream,
  quiet: boolean,
  now: () => number,
  piece: () => Piece | undefined,
): StepProgress {
  if (quiet) return { update() {}, clear() {} };
  return stream.isTTY ? steppingBar(stream, piece) : steppingLines(stream, now, piece);
}

function positionOf(piece: Piece | undefined): string {
  return piece === undefined ? '' : piece.join(' of ');
}

function steppingBar(stream: ProgressStream, piece: () => Piece | undefined): StepProgress {
  let label = '';
  const bar = progressBar(stream, (fraction) => {
    const width = (stream.columns || 80) - 1;
    const percent = String(Math.floor(fraction * 100)).padStart(3);
    const tail = `  ${meter(fraction, METER_WIDTH)} ${percent} %  ${positionOf(piece())}`;
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

function steppingLines(
  stream: ProgressStream,
  now: () => number,
  piece: () => Piece | undefined,
): StepProgress {
  let label = '';
  let share = 0;
  /** When the share was last at its beginning, and what it was. */
  let began = { at: now(), share: 0 };
  let beat: Heartbeat | undefined;
  const say = (): boolean => {
    const position = positionOf(piece());
    const done = (share - began.share) / (1 - began.share);
    stream.write(
      `${printable(label)}${position === '' ? '' : `, ${position}`}${leftAt(done, now() - began.at)}\n`,
    );
    return true;
  };
  return {
    update(text, done, total) {
      const [index, count] = piece() ?? [1, 1];
      const next = Math.min(1, (index - 1 + (total > 0 ? done / total : 0)) / count);
      if (next < share) began = { at: now(), share: next };
      [label, share] = [text, next];
      beat ??= heartbeat(now, say);
    },
    clear() {
      beat?.stop();
      beat = undefined;
    },
  };
}
