import { GgufError } from './errors.ts';
import type { ParsedHeader } from './header.ts';
import { DEFAULT_LIMITS, HeaderParser, type HeaderScan, type ParseLimits } from './header-parser.ts';

export interface ParseOptions {
  /** The whole file's length, where `bytes` is only its beginning. Default: `bytes.length`. */
  readonly fileBytes?: number;
  /** Whether the data section's extent is checked too (the codes `data/*`). Default: true. */
  readonly dataChecks?: boolean;
  readonly limits?: Partial<ParseLimits>;
}

/**
 * Reads a header and reports every fault it can reach, without throwing for any of them.
 * @param bytes a file, or its beginning where `fileBytes` is given; it must then hold the whole header
 */
export function scanHeader(bytes: Uint8Array, options: ParseOptions = {}): HeaderScan {
  const fileBytes = Math.max(options.fileBytes ?? bytes.length, bytes.length);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  // A slice of a Buffer is no copy: what has one of its numbers read would read its neighbours’.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let parser = new HeaderParser(plain, fileBytes, limits);
  if (parser.advance() !== undefined) {
    // The caller has no more: what is in hand is all there is, and that is the fault to report.
    parser = new HeaderParser(plain, bytes.length, limits);
    parser.advance();
  }
  return parser.finish({ dataChecks: options.dataChecks ?? true });
}

/**
 * Reads a header.
 * @param bytes a file, or its beginning where `fileBytes` is given; it must then hold the whole header
 * @throws GgufError the first fault of error severity
 */
export function parseHeader(bytes: Uint8Array, options: ParseOptions = {}): ParsedHeader {
  return requireHeader(scanHeader(bytes, options));
}

/** The header of a scan, or its first error thrown. */
export function requireHeader(scan: HeaderScan, source?: string): ParsedHeader {
  const error = scan.issues.find((issue) => issue.severity === 'error');
  if (error !== undefined) throw new GgufError(error, source);
  // A scan without a header always has the error that stopped it.
  if (scan.header === null) {
    throw new GgufError(
      { code: 'header/truncated', severity: 'error', message: 'the header has no end', offset: 0 },
      source,
    );
  }
  return scan.header;
}
