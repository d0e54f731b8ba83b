import { type Heartbeat, heartbeat } from './heartbeat.ts';

/** The part of a stream that a status line needs; `process.stderr` is one. */
export interface StatusStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const ERASE_LINE = '\r\u001B[2K';
const INTERVAL_MS = 100;

/** One line on a terminal that says how far something is; a line now and then anywhere else. */
export function statusLine(stream: StatusStream, quiet: boolean) {
  const live = stream.isTTY === true && !quiet;
  let drawnAt = 0;
  let latest = () => '';
  let beat: Heartbeat | undefined;
  return {
    show(text: () => string): void {
      if (quiet) return;
      const now = performance.now();
      latest = text;
      if (!live) {
        beat ??= heartbeat(
          () => performance.now(),
          () => Boolean(stream.write(`${latest()}\n`)) || true,
        );
        return;
      }
      if (now - drawnAt < INTERVAL_MS) return;
      drawnAt = now;
      stream.write(ERASE_LINE + text());
    },
    /** Takes the line away, so that something can be printed. */
    clear(): void {
      beat?.stop();
      beat = undefined;
      if (drawnAt > 0) stream.write(ERASE_LINE);
    },
  };
}
