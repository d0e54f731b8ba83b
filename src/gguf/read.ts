import type { ByteSource } from '../io/byte-source.ts';
import { GgufError } from './errors.ts';
import type { ParsedHeader } from './header.ts';
import { DEFAULT_LIMITS, HeaderParser, type HeaderScan } from './header-parser.ts';
import { type ParseOptions, requireHeader } from './parse.ts';
import { bufferBytesFor, FIRST_WINDOW_BYTES, nextWindowEnd } from './window-policy.ts';

export interface ReadOptions extends Omit<ParseOptions, 'fileBytes'> {
  readonly signal?: AbortSignal;
  /** Bytes of the first read. Default: 256 KiB, which holds the header of a model with a small vocabulary. */
  readonly firstWindowBytes?: number;
}

/**
 * Reads the header of a file by growing windows, never the whole file.
 * @throws GgufError the first fault of error severity
 * @throws QuantscopeError what the source throws: `io/short-read`, `io/read-failed`, or the signal's reason
 */
export async function readHeader(source: ByteSource, options: ReadOptions = {}): Promise<ParsedHeader> {
  return requireHeader(await scan(source, options, true), source.name);
}

/**
 * Reads the header of a file by growing windows and reports every fault it can reach.
 * @throws QuantscopeError only what the source throws
 */
export function scanSource(source: ByteSource, options: ReadOptions = {}): Promise<HeaderScan> {
  return scan(source, options, false);
}

async function scan(source: ByteSource, options: ReadOptions, stopAtError: boolean): Promise<HeaderScan> {
  const { signal, firstWindowBytes = FIRST_WINDOW_BYTES } = options;
  const fileBytes = source.byteLength;
  let bytes = await source.read(0, Math.min(fileBytes, firstWindowBytes), signal);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const parser = new HeaderParser(bytes, fileBytes, limits);
  const largestEnd = Math.min(fileBytes, limits.headerBytes);
  let wanted = parser.advance();
  let buffer = bytes;
  while (wanted !== undefined) {
    const error = parser.firstError;
    if (stopAtError && error !== undefined) throw new GgufError(error, source.name);
    const end = nextWindowEnd(wanted, bytes.length, largestEnd);
    if (end > buffer.length) {
      const larger = new Uint8Array(bufferBytesFor(end, largestEnd));
      larger.set(bytes);
      buffer = larger;
    }
    await fill(source, bytes.length, buffer.subarray(bytes.length, end), signal);
    bytes = buffer.subarray(0, end);
    wanted = parser.advance(bytes);
  }
  return parser.finish({ dataChecks: options.dataChecks ?? true });
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
