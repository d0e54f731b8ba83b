import { SingleBar } from 'cli-progress';

interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** Elsewhere than on a terminal a line is written after so much of the work. */
const LINE_EVERY = 0.1;

export interface BuildProgress {
  /** One line of the build, and how much is done by its own count, or null. */
  readonly update: (line: string, done: number | null) => void;
  readonly stop: () => void;
}

/** Tells a person how a build gets on: a bar on a terminal, a line now and then elsewhere, or every line. */
export function buildProgress(stream: ProgressStream, show: 'nothing' | 'bar' | 'lines'): BuildProgress {
  let bar: SingleBar | undefined;
  let writtenAt = 0;
  const advance = (done: number): void => {
    if (stream.isTTY !== true) {
      if (done < writtenAt + LINE_EVERY) return;
      writtenAt = done;
      stream.write(`compiling llama.cpp: ${Math.floor(done * 100)} %\n`);
      return;
    }
    if (bar === undefined) {
      bar = new SingleBar({
        stream,
        format: 'compiling llama.cpp  {bar}  {percentage} %  {duration_formatted}',
        hideCursor: true,
        clearOnComplete: true,
        gracefulExit: false,
      });
      bar.start(100, 0);
    }
    bar.update(Math.floor(done * 100));
  };
  return {
    update: (line, done) => {
      if (show === 'lines') stream.write(`${line}\n`);
      else if (show === 'bar' && done !== null) advance(done);
    },
    stop: () => {
      bar?.stop();
      bar = undefined;
    },
  };
}
