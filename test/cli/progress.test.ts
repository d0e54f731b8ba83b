import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ComparisonProgress, comparisonProgress } from '../../src/cli/comparison/progress.ts';
import { stepProgress } from '../../src/cli/step-progress.ts';

/** A stream that keeps what is written and may claim to be a terminal. */
class FakeStream extends Writable {
  readonly isTTY: boolean;
  readonly columns = 80;
  text = '';

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const VARIANTS = ['F16', 'Q4_K_M'];
const STAGES = ['load', 'speed'];
const HIDE_CURSOR = '\u001B[?25l';
const SHOW_CURSOR = '\u001B[?25h';
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control sequences is its purpose.
const CONTROL_SEQUENCE = /\u001B(?:\[[?\d;]*[A-Za-z]|[78])/;
const count = (text: string, part: string) => text.split(part).length - 1;

let clock = 0;
const now = () => clock;

/** Two variants through two stages, two seconds a stage. */
function runAll(progress: ComparisonProgress, tick: (milliseconds: number) => void): void {
  progress.start(VARIANTS, STAGES);
  for (const variant of VARIANTS) {
    for (const stage of STAGES) {
      for (const done of [0, 1, 2]) {
        progress.update({ variant, stage, done, total: 2 });
        if (done < 2) tick(1000);
      }
    }
    progress.finishVariant(variant, { status: 'ok' });
  }
  progress.stop();
}

beforeEach(() => {
  clock = 0;
});

describe('progress to a file or a pipe', () => {
  it('is a plain line for every variant that ends, with the time that is left', () => {
    const stream = new FakeStream(false);
    runAll(comparisonProgress({ stream, now }), (milliseconds) => {
      clock += milliseconds;
    });
    expect(stream.text).toBe('F16     done in 4.0 s, about 4 s left\nQ4_K_M  done in 4.0 s\n');
  });

  it('has no control characters, whatever a reason holds', () => {
    const stream = new FakeStream(false);
    const progress = comparisonProgress({ stream, now });
    progress.start(VARIANTS, STAGES);
    progress.update({ variant: 'F16', stage: 'load', done: 0, total: 1 });
    progress.finishVariant('F16', { status: 'failed', reason: 'it\r\n\u001B[31mbroke\u001B[0m' });
    progress.stop();
    expect(stream.text).toBe('F16     failed after 0 ms: it broke\n');
  });

  it('does not report a stage that broke off as finished', () => {
    const stream = new FakeStream(false);
    const progress = comparisonProgress({ stream, now });
    progress.start(VARIANTS, STAGES);
    progress.update({ variant: 'F16', stage: 'load', done: 1, total: 2 });
    progress.finishVariant('F16', { status: 'failed', reason: 'killed' });
    progress.finishVariant('Q4_K_M', { status: 'failed', reason: 'not a GGUF file' });
    expect(stream.text).not.toContain('load');
    expect(stream.text).toContain('Q4_K_M  failed: not a GGUF file\n');
  });
});

describe('quiet progress', () => {
  it.each([true, false])('prints nothing (terminal: %s)', (isTTY) => {
    const stream = new FakeStream(isTTY);
    runAll(comparisonProgress({ stream, now, quiet: true }), (milliseconds) => {
      clock += milliseconds;
    });
    expect(stream.text).toBe('');
  });
});

describe('progress on a terminal', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const tick = (milliseconds: number) => {
    clock += milliseconds;
    vi.advanceTimersByTime(milliseconds);
  };

  it('draws the running stage with its share and the time left', () => {
    const stream = new FakeStream(true);
    runAll(comparisonProgress({ stream, now }), tick);
    expect(stream.text).toContain(
      'F16     load        ===========-----------  50 %  1 of 2, stage: about 1 s left',
    );
    expect(stream.text).toContain(
      'Q4_K_M  speed       ============------------  50 %  2 of 2, about 1 s left',
    );
  });

  it('leaves one line for a finished variant', () => {
    const stream = new FakeStream(true);
    runAll(comparisonProgress({ stream, now }), tick);
    expect(stream.text).toContain('F16     done in 4.0 s\n');
    expect(count(stream.text, '\n')).toBe(VARIANTS.length);
  });

  it('gives the cursor back, once, however often it is stopped', () => {
    const stream = new FakeStream(true);
    const progress = comparisonProgress({ stream, now });
    progress.start(VARIANTS, STAGES);
    progress.update({ variant: 'F16', stage: 'load', done: 0, total: 2 });
    tick(500);
    expect(count(stream.text, SHOW_CURSOR)).toBe(0);
    progress.stop();
    const text = stream.text;
    progress.stop();
    progress.update({ variant: 'F16', stage: 'load', done: 1, total: 2 });
    progress.finishVariant('F16', { status: 'ok' });
    tick(500);
    expect(stream.text).toBe(text);
    expect(count(text, HIDE_CURSOR)).toBe(1);
    expect(count(text, SHOW_CURSOR)).toBe(1);
    expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('never draws a line wider than the terminal', () => {
    const stream = new FakeStream(true);
    const progress = comparisonProgress({ stream, now });
    const variant = 'a-very-long-name-of-a-model'.repeat(5);
    progress.start([variant], ['a stage with a long name too']);
    progress.update({ variant, stage: 'a stage with a long name too', done: 1, total: 3 });
    tick(500);
    const drawn = stream.text.split(CONTROL_SEQUENCE);
    expect(Math.max(...drawn.map((piece) => piece.length))).toBe(79);
    progress.stop();
  });

  it('can be stopped before it has begun', () => {
    const stream = new FakeStream(true);
    comparisonProgress({ stream, now }).stop();
    expect(stream.text).toBe('');
  });
});

describe('work that takes long, in a log', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const written = (stream: FakeStream) => stream.text.split('\n').slice(0, -1);

  it('is said to go on soon and then each minute, with the time left, and not after the end', () => {
    const stream = new FakeStream(false);
    const progress = comparisonProgress({ stream, now: () => Date.now() });
    progress.start(['F16'], ['perplexity']);
    progress.update({ variant: 'F16', stage: 'perplexity', done: 0, total: 30 });
    vi.advanceTimersByTime(9_000);
    expect(written(stream)).toEqual([]);
    progress.update({ variant: 'F16', stage: 'perplexity', done: 3, total: 30 });
    vi.advanceTimersByTime(4_000);
    expect(written(stream)).toEqual([
      expect.stringMatching(/^F16: perplexity, 3 of 30, variant 1 of 1, about \d+ s left$/),
    ]);
    vi.advanceTimersByTime(9 * 60_000);
    expect(written(stream).length).toBeGreaterThanOrEqual(8);
    expect(written(stream).length).toBeLessThanOrEqual(10);
    progress.stop();
    const before = written(stream).length;
    vi.advanceTimersByTime(600_000);
    expect(written(stream)).toHaveLength(before);
  });

  it('is said of steps too, with the time left of all pieces', () => {
    const stream = new FakeStream(false);
    let piece: readonly [number, number] = [1, 4];
    const steps = stepProgress(
      stream,
      false,
      () => Date.now(),
      () => piece,
    );
    steps.update('Q4_K_M pp512', 0, 2);
    vi.advanceTimersByTime(20_000);
    expect(written(stream)).toEqual(['Q4_K_M pp512, 1 of 4']);
    piece = [2, 4];
    steps.update('Q4_K_M tg128', 0, 2);
    vi.advanceTimersByTime(60_000);
    // A quarter took 20 s when it was told; by now 80 s are gone at that share.
    expect(written(stream).at(-1)).toMatch(/^Q4_K_M tg128, 2 of 4, about \d+ (?:s|min) left$/);
    steps.clear();
    const before = stream.text;
    vi.advanceTimersByTime(600_000);
    expect(stream.text).toBe(before);
  });
});
