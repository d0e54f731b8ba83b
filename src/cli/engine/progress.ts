import { SingleBar } from 'cli-progress';

interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** Elsewhere than on a terminal a line is written after so much of the work. */
const LINE_EVERY = 0.1;

export interface BuildProgress {
  /** One line of the build, and how much is done by its own count, or null. */
  readonly take: (line: string, share: number | null) => void;
  readonly stop: () => void;
}

/** Tells a person how a build gets on: a bar on a terminal, a line now and then elsewhere, or every line. */
export function buildProgress(stream: ProgressStream, show: 'nothing' | 'shares' | 'lines'): BuildProgress {
  let bar: SingleBar | undefined;
  let said = 0;
  const advance = (share: number): void => {
    if (stream.isTTY !== true) {
      if (share < said + LINE_EVERY) return;
      said = share;
      stream.write(`compiling llama.cpp: ${Math.floor(share * 100)} %\n`);
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
    bar.update(Math.floor(share * 100));
  };
  return {
    take: (line, share) => {
      if (show === 'lines') stream.write(`${line}\n`);
      else if (show === 'shares' && share !== null) advance(share);
    },
    stop: () => {
      bar?.stop();
      bar = undefined;
    },
  };
}
