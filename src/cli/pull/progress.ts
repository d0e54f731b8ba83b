import type { PlannedFile } from '../../hub/planned-file.ts';
import type { DownloadProgress } from '../../model/download.ts';
import { plainStyle, type Style } from '../../report/style.ts';
import { printable, shortenMiddle } from '../../report/text-width.ts';
import { formatBytes, formatDuration } from '../../util/units.ts';
import { meter, type ProgressStream, progressBar } from '../progress-bar.ts';

export interface PullProgressOptions {
  readonly stream: ProgressStream;
  readonly quiet: boolean;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly style?: Style;
}

/** Tells a person how a pull gets on: one bar for all files on a terminal, a line now and then elsewhere. */
export interface PullProgress extends DownloadProgress {
  readonly say: (text: string) => void;
  /** Takes the bar away; the next update brings it back. */
  readonly clear: () => void;
  readonly stop: () => void;
}

/** The rate is of this long: shorter jumps about, longer does not see a connection fade. */
const RATE_WINDOW_MS = 5000;
const LINE_EVERY_MS = 15_000;
const REDRAWS_PER_SECOND = 5;
const MOST_METER_WIDTH = 24;
const LEAST_METER_WIDTH = 8;
/** `99 %  1.39 GiB of 1.40 GiB, 11.9 MiB/s, about 1.5 min left, 1 of 3 files` is a little more. */
const FIGURES_WIDTH = 66;

export function pullProgress({ stream, quiet, now, style = plainStyle }: PullProgressOptions): PullProgress {
  const done = new Map<PlannedFile, number>();
  const samples: { readonly at: number; readonly bytes: number }[] = [];
  let totalBytes = 0;
  let files = 0;
  let finished = 0;
  let saidAt = now();
  let stopped = false;

  const doneBytes = (): number => [...done.values()].reduce((sum, bytes) => sum + bytes, 0);
  const describe = (): string => {
    const bytes = doneBytes();
    const oldest = samples[0];
    const elapsed = oldest === undefined ? 0 : now() - oldest.at;
    const rate = oldest === undefined || elapsed < 200 ? 0 : ((bytes - oldest.bytes) / elapsed) * 1000;
    const isLeft = rate > 0 && bytes < totalBytes;
    const left = isLeft
      ? `, about ${formatDuration(Math.ceil((totalBytes - bytes) / rate) * 1000)} left`
      : '';
    const speed = rate > 0 ? `, ${formatBytes(Math.round(rate))}/s` : '';
    const count = files > 1 ? `, ${finished} of ${files} files` : '';
    return `${formatBytes(bytes)} of ${formatBytes(totalBytes)}${speed}${left}${count}`;
  };
  const line = (): string => {
    const share = totalBytes === 0 ? 1 : doneBytes() / totalBytes;
    const text = `${Math.floor(share * 100)} %  ${describe()}`;
    // A terminal that does not know its width says 0.
    const columns = (stream.columns || 80) - 1;
    const width = Math.min(MOST_METER_WIDTH, columns - FIGURES_WIDTH);
    // On a narrow terminal the figures say more than a meter.
    if (width < LEAST_METER_WIDTH) return shortenMiddle(text, columns);
    return shortenMiddle(`${meter(share, width)} ${text}`, columns);
  };
  const bar = progressBar(stream, line, REDRAWS_PER_SECOND);
  const write = (line: string): void => {
    if (quiet || stopped) return;
    bar.clear();
    stream.write(`${line}\n`);
  };
  return {
    start(plan) {
      files = plan.files.filter(({ state }) => state === 'absent').length;
      totalBytes = plan.files.reduce(
        (sum, { state, sizeBytes }) => sum + (state === 'absent' ? sizeBytes : 0),
        0,
      );
      for (const file of plan.files) if (file.state === 'absent') done.set(file, file.partialBytes);
    },
    update(file, bytes) {
      if (quiet || stopped) return;
      done.set(file, bytes);
      const at = now();
      samples.push({ at, bytes: doneBytes() });
      while ((samples[0]?.at ?? at) < at - RATE_WINDOW_MS) samples.shift();
      if (!stream.isTTY) {
        if (at - saidAt < LINE_EVERY_MS) return;
        saidAt = at;
        stream.write(`${describe()}\n`);
        return;
      }
      bar.show(0, 1);
    },
    finishFile({ file, state, verified, objectId }) {
      if (state === 'downloaded') done.set(file, file.sizeBytes);
      if (file.state === 'absent') finished++;
      if (state === 'cached') return;
      const checked = verified
        ? 'verified'
        : `no digest to check it against, its SHA-256 is ${objectId ?? 'unknown'}`;
      const what =
        state === 'linked' ? 'linked to bytes that were there' : `${formatBytes(file.sizeBytes)}, ${checked}`;
      write(`${printable(file.name)}  ${style.good('done')}: ${what}`);
    },
    say: (text) => write(printable(text)),
    clear: bar.clear,
    stop() {
      if (stopped) return;
      bar.clear();
      stopped = true;
    },
  };
}
