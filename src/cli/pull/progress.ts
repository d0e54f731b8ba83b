import { SingleBar } from 'cli-progress';
import type { PlannedFile, PullPlan } from '../../hub/index.ts';
import { plainStyle, type Style } from '../../report/style.ts';
import { printable, shortenMiddle } from '../../report/text-width.ts';
import { formatBytes, formatDuration } from '../../util/units.ts';

interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface PullProgressOptions {
  readonly stream: ProgressStream;
  readonly quiet: boolean;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly style?: Style;
}

/** Tells a person how a pull gets on: one bar for all files on a terminal, a line now and then elsewhere. */
export interface PullProgress {
  readonly start: (plan: PullPlan) => void;
  readonly update: (file: PlannedFile, doneBytes: number) => void;
  readonly finishFile: (file: PlannedFile, state: 'cached' | 'linked' | 'downloaded') => void;
  readonly say: (text: string) => void;
  readonly stop: () => void;
}

/** The rate is of this long: shorter jumps about, longer does not see a connection fade. */
const RATE_WINDOW_MS = 5000;
const LINE_EVERY_MS = 15_000;
const METER_WIDTH = 24;

export function pullProgress({ stream, quiet, now, style = plainStyle }: PullProgressOptions): PullProgress {
  const done = new Map<PlannedFile, number>();
  const samples: { readonly at: number; readonly bytes: number }[] = [];
  let totalBytes = 0;
  let files = 0;
  let finished = 0;
  let saidAt = now();
  let bar: SingleBar | undefined;
  let stopped = false;

  const doneBytes = (): number => [...done.values()].reduce((sum, bytes) => sum + bytes, 0);
  const describe = (): string => {
    const bytes = doneBytes();
    const oldest = samples[0];
    const elapsed = oldest === undefined ? 0 : now() - oldest.at;
    const rate = oldest === undefined || elapsed < 200 ? 0 : ((bytes - oldest.bytes) / elapsed) * 1000;
    const left =
      rate > 0 ? `, about ${formatDuration(Math.ceil((totalBytes - bytes) / rate) * 1000)} left` : '';
    const speed = rate > 0 ? `, ${formatBytes(Math.round(rate))}/s` : '';
    const count = files > 1 ? `, ${finished} of ${files} files` : '';
    return `${formatBytes(bytes)} of ${formatBytes(totalBytes)}${speed}${left}${count}`;
  };
  const line = (): string => {
    const share = totalBytes === 0 ? 1 : doneBytes() / totalBytes;
    const filled = Math.round(share * METER_WIDTH);
    const meter = '='.repeat(filled) + '-'.repeat(METER_WIDTH - filled);
    const text = `${meter} ${`${Math.floor(share * 100)}`.padStart(3)} %  ${describe()}`;
    return shortenMiddle(text, (stream.columns ?? 80) - 1);
  };
  const clear = (): void => {
    bar?.stop();
    bar = undefined;
  };
  const say = (text: string): void => {
    if (quiet || stopped) return;
    clear();
    stream.write(`${printable(text)}\n`);
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
      if (bar !== undefined) return;
      // The bar draws on a timer of its own; signals are the command's.
      bar = new SingleBar({
        stream,
        format: line,
        fps: 5,
        hideCursor: true,
        clearOnComplete: true,
        gracefulExit: false,
      });
      bar.start(1, 0);
    },
    finishFile(file, state) {
      if (state === 'downloaded') done.set(file, file.sizeBytes);
      if (file.state === 'absent') finished++;
      if (state === 'cached') return;
      const what =
        state === 'linked' ? 'linked to bytes that were there' : `${formatBytes(file.sizeBytes)}, verified`;
      say(`${file.repo}/${file.path}  ${style.good('done')}: ${what}`);
    },
    say,
    stop() {
      if (stopped) return;
      clear();
      stopped = true;
    },
  };
}
