import { plainStyle, type Style } from '../../report/style.ts';
import { displayWidth, padRight, printable, shortenMiddle } from '../../report/text-width.ts';
import { formatDuration } from '../../util/units.ts';
import { heartbeat } from '../heartbeat.ts';
import { meter, type ProgressStream, progressBar } from '../progress-bar.ts';
import { createTimeLeft, roughly, type TimeLeft } from '../time-left.ts';

export interface ProgressOptions {
  readonly stream: ProgressStream;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly quiet?: boolean;
  readonly style?: Style;
}

/** How far one variant has come in one stage, in whatever unit the stage counts. */
interface ProgressUpdate {
  readonly variant: string;
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

type VariantOutcome =
  | { readonly status: 'ok' }
  | { readonly status: 'failed'; readonly reason: string }
  /** Taken over from an earlier run's file. */
  | { readonly status: 'kept' };

/** Tells a person how a comparison gets on. Every method may be called at any time, also after `stop`. */
export interface ComparisonProgress {
  /** @param stages what every variant goes through, in order, where that is known beforehand */
  readonly start: (variants: readonly string[], stages?: readonly string[]) => void;
  readonly update: (update: ProgressUpdate) => void;
  readonly finishVariant: (variant: string, outcome: VariantOutcome) => void;
  /** Takes a bar away, so that something can be printed; the next update brings it back. */
  readonly clear: () => void;
  /** Gives the terminal back as it was. Safe to call twice, and from a signal handler. */
  readonly stop: () => void;
}

/** Draws what is going on; the two forms differ only in this. */
interface Display {
  readonly show: (update: ProgressUpdate) => void;
  readonly say: (line: string) => void;
  readonly clear: () => void;
  readonly stop: () => void;
}

/**
 * Progress of a comparison: a bar for the running stage on a terminal, a few plain lines elsewhere, nothing when
 * quiet.
 */
export function comparisonProgress(options: ProgressOptions): ComparisonProgress {
  const { stream, now, quiet = false, style = plainStyle } = options;
  if (quiet) return silentProgress;

  let names: readonly string[] = [];
  let time: TimeLeft = createTimeLeft([], [], now);
  let finished = 0;
  let stopped = false;
  const began = new Map<string, number>();
  const position = () => `${Math.min(finished + 1, names.length)} of ${names.length}`;
  const left = () => (finished < names.length ? describeTimeLeft(time) : '');
  const display = stream.isTTY
    ? createBarDisplay(stream, {
        position,
        left,
        nameWidth: () => widest(names),
      })
    : createLineDisplay(stream, now, { position, left });

  return {
    start(variants, stages = []) {
      names = variants.map(printable);
      time = createTimeLeft(variants, stages, now);
      finished = 0;
    },

    update(update) {
      if (stopped) return;
      if (!began.has(update.variant)) began.set(update.variant, now());
      time.advance(update.variant, update.stage, update.done, update.total);
      display.show(update);
    },

    finishVariant(variant, outcome) {
      if (stopped) return;
      time.finish(variant, outcome.status === 'ok');
      finished++;
      const start = began.get(variant);
      const took = start === undefined ? undefined : formatDuration(now() - start);
      const name = padRight(printable(variant), widest(names));
      display.say(`${name}  ${describeOutcome(outcome, took, style)}`);
    },

    clear: display.clear,

    stop() {
      if (stopped) return;
      stopped = true;
      display.stop();
    },
  };
}

const silentProgress: ComparisonProgress = {
  start() {},
  update() {},
  finishVariant() {},
  clear() {},
  stop() {},
};

/** @param took how long it was worked on; undefined when it never came to that */
function describeOutcome(outcome: VariantOutcome, took: string | undefined, style: Style): string {
  switch (outcome.status) {
    case 'ok':
      return style.good('done') + (took === undefined ? '' : ` in ${took}`);
    case 'failed':
      return `${style.bad('failed')}${took === undefined ? '' : ` after ${took}`}: ${printable(outcome.reason)}`;
    case 'kept':
      return 'kept from the earlier run';
  }
}

function describeTimeLeft(time: TimeLeft): string {
  const whole = time.whole();
  if (whole !== undefined) return `about ${roughly(whole)} left`;
  const stage = time.stage();
  return stage === undefined ? '' : `stage: about ${roughly(stage)} left`;
}

/** For files, pipes and CI logs: a line for each variant, and one now and then while it is at work. */
function createLineDisplay(
  stream: ProgressStream,
  now: () => number,
  { position, left }: Pick<BarFacts, 'position' | 'left'>,
): Display {
  let current: ProgressUpdate | undefined;
  const write = (line: string) => void stream.write(`${line}\n`);
  const beat = heartbeat(now, () => {
    if (current === undefined) return false;
    const { variant, stage, done, total } = current;
    const place = total > 1 ? `${done} of ${total}` : '';
    const parts = [`${printable(variant)}: ${printable(stage)}`, place, `variant ${position()}`, left()];
    write(parts.filter(Boolean).join(', '));
    return true;
  });
  return {
    show(update) {
      current = update;
    },
    say(line) {
      beat.told();
      // What is left of all belongs to what has ended.
      const remaining = left();
      write(remaining === '' ? line : `${line}, ${remaining}`);
    },
    clear() {},
    stop: beat.stop,
  };
}

interface BarFacts {
  readonly position: () => string;
  readonly left: () => string;
  readonly nameWidth: () => number;
}

const MOST_METER_WIDTH = 24;
const LEAST_METER_WIDTH = 8;
const STAGE_WIDTH = 10;

function createBarDisplay(stream: ProgressStream, { position, left, nameWidth }: BarFacts): Display {
  let current: ProgressUpdate | undefined;

  const bar = progressBar(stream, (fraction) => {
    if (current === undefined) return '';
    const head = `${padRight(printable(current.variant), nameWidth())}  ${padRight(printable(current.stage), STAGE_WIDTH)}`;
    const tail = `${`${Math.floor(fraction * 100)}`.padStart(3)} %  ${[position(), left()].filter(Boolean).join(', ')}`;
    // One column stays free: a line that fills the last one wraps on some terminals.
    const width = (stream.columns ?? 80) - 1;
    const space = width - displayWidth(head) - displayWidth(tail) - 3;
    const meterWidth = Math.min(MOST_METER_WIDTH, Math.max(LEAST_METER_WIDTH, space));
    return shortenMiddle(`${head}  ${meter(fraction, meterWidth)} ${tail}`, width);
  });

  return {
    show(update) {
      current = update;
      bar.show(update.done, update.total);
    },
    say(text) {
      bar.clear();
      stream.write(`${text}\n`);
    },
    clear: bar.clear,
    stop: bar.clear,
  };
}

function widest(names: readonly string[]): number {
  return Math.min(30, Math.max(0, ...names.map(displayWidth)));
}
