import type { ByteSource } from '../io/byte-source.ts';
import type { BytesWanted } from './header-parser.ts';
import { bufferBytesFor, nextWindowEnd, SLIDING_WINDOW_BYTES } from './window-policy.ts';

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
