import type { ByteSource } from '../io/byte-source.ts';
import { GgufError } from './errors.ts';
import type { ParsedHeader } from './header.ts';
import { DEFAULT_LIMITS, HeaderParser, type HeaderScan } from './header-parser.ts';
import { FIRST_WINDOW_BYTES, growingWindows, slidingWindows } from './header-windows.ts';
import { type ParseOptions, requireHeader } from './parse.ts';

export interface ReadOptions extends Omit<ParseOptions, 'fileBytes'> {
  readonly signal?: AbortSignal;
  /** Bytes of the first read. Default: 256 KiB, which holds the header of a model with a small vocabulary. */
  readonly firstWindowBytes?: number;
}

/**
 * Reads the header of a file by windows, never the whole file.
 * @throws GgufError the first fault of error severity
 * @throws QuantscopeError what the source throws: `io/short-read`, `io/read-failed`, or the signal's reason
 */
export async function readHeader(source: ByteSource, options: ReadOptions = {}): Promise<ParsedHeader> {
  return requireHeader(await scan(source, options, true), source.name);
}

/**
 * Reads the header of a file by windows and reports every fault it can reach.
 * @throws QuantscopeError only what the source throws
 */
export function scanSource(source: ByteSource, options: ReadOptions = {}): Promise<HeaderScan> {
  return scan(source, options, false);
}

async function scan(source: ByteSource, options: ReadOptions, stopAtError: boolean): Promise<HeaderScan> {
  const { signal, firstWindowBytes = FIRST_WINDOW_BYTES } = options;
  const fileBytes = source.byteLength;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const largestEnd = Math.min(fileBytes, limits.headerBytes);
  const first = await source.read(0, Math.min(fileBytes, firstWindowBytes), signal);
  const readAgain = source.readAgain?.bind(source);
  const parser = new HeaderParser(first, fileBytes, limits, readAgain);
  const nextWindow =
    readAgain === undefined
      ? growingWindows(source, first, largestEnd, signal)
      : slidingWindows(source, largestEnd, signal);
  let wanted = parser.advance();
  while (wanted !== undefined) {
    const error = parser.firstError;
    if (stopAtError && error !== undefined) throw new GgufError(error, source.name);
    const { bytes, start } = await nextWindow(wanted, (neededEnd) => parser.forecastEnd(neededEnd));
    wanted = parser.advance(bytes, start);
  }
  return parser.finish({ dataChecks: options.dataChecks ?? true });
}
