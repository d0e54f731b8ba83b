import type { ByteSource } from '../io/byte-source.ts';
import type { BytesWanted } from './header-parser.ts';

/** Holds the whole header of a model with a small vocabulary, and costs little beside a large one's. */
export const FIRST_WINDOW_BYTES = 256 * 1024;

/** A window of a local file: it stays in the core's cache, and few of them make up the largest headers. */
const SLIDING_WINDOW_BYTES = 1024 * 1024;

/** What is fetched beyond a forecast: another request costs more than these bytes. */
const SLACK_BYTES = 48 * 1024;
const SLACK_SHARE = 0.03;

/**
 * Where the next window ends: at the forecast end of the header and a little beyond.
 * @param inHand bytes of the file that are there
 * @param largestEnd of the file, or what a header may take
 */
function nextWindowEnd(neededEnd: number, forecastEnd: number, inHand: number, largestEnd: number): number {
  const forecast = Math.ceil(forecastEnd * (1 + SLACK_SHARE)) + SLACK_BYTES;
  return Math.min(largestEnd, Math.max(neededEnd, forecast, inHand + SLACK_BYTES));
}

/** Room that is taken beyond a window at most; pages that are never written cost no memory. */
const LARGEST_RESERVE_BYTES = 32 * 1024 * 1024;

/** How large a buffer to take when a window outgrows the present one: room to grow, so that few copies are made. */
function bufferBytesFor(windowEnd: number, largestEnd: number): number {
  return Math.min(largestEnd, windowEnd * 4, windowEnd + LARGEST_RESERVE_BYTES);
}

/** A part of a file in hand. */
export interface HeaderWindow {
  readonly bytes: Uint8Array;
  /** Where it begins in the file. */
  readonly start: number;
}

/** The window that follows. @param forecastEnd where the header probably ends, given what is needed */
export type NextWindow = (
  wanted: BytesWanted,
  forecastEnd: (neededEnd: number) => number,
) => Promise<HeaderWindow>;

/**
 * Windows that slide along a file whose bytes can be read again: small ones, in one buffer, since what was stepped
 * over is not kept.
 */
export function slidingWindows(source: ByteSource, largestEnd: number, signal?: AbortSignal): NextWindow {
  let buffer = new Uint8Array();
  return async ({ start, neededEnd }) => {
    const length = Math.min(largestEnd, Math.max(neededEnd, start + SLIDING_WINDOW_BYTES)) - start;
    if (length > buffer.length) buffer = new Uint8Array(length);
    const bytes = buffer.subarray(0, length);
    await fill(source, start, bytes, signal);
    return { bytes, start };
  };
}

/** Windows that all begin with the file and grow, to a forecast of the header's end: each read costs a request. */
export function growingWindows(
  source: ByteSource,
  first: Uint8Array,
  largestEnd: number,
  signal?: AbortSignal,
): NextWindow {
  let bytes = first;
  let buffer = first;
  return async ({ neededEnd }, forecastEnd) => {
    const end = nextWindowEnd(neededEnd, forecastEnd(neededEnd), bytes.length, largestEnd);
    if (end > buffer.length) {
      const larger = new Uint8Array(bufferBytesFor(end, largestEnd));
      larger.set(bytes);
      buffer = larger;
    }
    await fill(source, bytes.length, buffer.subarray(bytes.length, end), signal);
    bytes = buffer.subarray(0, end);
    return { bytes, start: 0 };
  };
}

async function fill(
  source: ByteSource,
  start: number,
  target: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  if (source.readInto !== undefined) return source.readInto(start, target, signal);
  target.set(await source.read(start, start + target.length, signal));
}
