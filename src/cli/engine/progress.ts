import { formatDuration } from '../../util/units.ts';
import { leftAt } from '../heartbeat.ts';
import { meter, type ProgressStream, progressBar } from '../progress-bar.ts';

/** Elsewhere than on a terminal a line is written after so much of the work. */
const LINE_EVERY = 0.1;
const METER_WIDTH = 40;

export interface BuildProgress {
  /** One line of the build, and how much is done by its own count, from 0 to 1, or null. */
  readonly update: (line: string, done: number | null) => void;
  readonly stop: () => void;
}

/** Says how a build gets on: a bar on a terminal, a line now and then elsewhere, or every line. */
export function buildProgress(stream: ProgressStream, show: 'nothing' | 'bar' | 'lines'): BuildProgress {
  const startedAt = performance.now();
  let writtenAt = 0;
  const percent = (done: number) => `${Math.floor(done * 100)} %`;
  const bar = progressBar(stream, (done) => {
    const elapsed = formatDuration(performance.now() - startedAt);
    return `compiling llama.cpp  ${meter(done, METER_WIDTH)}  ${percent(done)}  ${elapsed}`;
  });
  return {
    update(line, done) {
      if (show === 'lines') stream.write(`${line}\n`);
      if (show !== 'bar' || done === null) return;
      if (stream.isTTY === true) bar.show(done, 1);
      else if (done >= writtenAt + LINE_EVERY) {
        writtenAt = done;
        const left = leftAt(done, performance.now() - startedAt);
        stream.write(`compiling llama.cpp: ${percent(done)}${left}\n`);
      }
    },
    stop: bar.clear,
  };
}
