import type { Cursor } from './cursor.ts';
import { AGAIN_HINT, type IssueLog } from './issue-log.ts';
import { describeMagic, recogniseLookAlike } from './look-alikes.ts';

/*
 * The fixed part, little-endian:
 *
 *   0        4         8                16                24
 *   | "GGUF" | version | tensor count   | metadata count  |
 */
export const FIXED_BYTES = 24;

const MINIMUM_PAIR_BYTES = 14;
const MINIMUM_TENSOR_BYTES = 24;

/** What the fixed part says; the counts are backed by bytes of the file and within the limits. */
export interface FixedPart {
  readonly version: 2 | 3;
  readonly tensorCount: number;
  readonly metadataCount: number;
}

interface CountLimits {
  readonly metadataCount: number;
  readonly tensorCount: number;
}

/** Reads the fixed part from the file's beginning; what it finds wrong stops the parse. */
export function parseFixedPart(cursor: Cursor, log: IssueLog, limits: CountLimits): FixedPart {
  if (cursor.fileBytes === 0) {
    log.stop('header/empty', 'the file is empty', { offset: 0, hint: 'Download the file again.' });
  }
  checkMagic(cursor, log);
  cursor.position = 4;
  const version = checkVersion(cursor.u32(), log);
  const tensorCount = cursor.u64();
  const metadataCount = cursor.u64();
  const room = Math.max(0, cursor.fileBytes - FIXED_BYTES);
  checkCount(
    {
      code: 'header/tensor-count',
      what: 'tensor infos',
      count: tensorCount,
      minimumBytes: MINIMUM_TENSOR_BYTES,
      limit: limits.tensorCount,
      offset: 8,
    },
    room,
    log,
  );
  checkCount(
    {
      code: 'header/metadata-count',
      what: 'key-value pairs',
      count: metadataCount,
      minimumBytes: MINIMUM_PAIR_BYTES,
      limit: limits.metadataCount,
      offset: 16,
    },
    room,
    log,
  );
  return { version, tensorCount: Number(tensorCount), metadataCount: Number(metadataCount) };
}

function checkMagic(cursor: Cursor, log: IssueLog): void {
  const inHand = Math.min(4, cursor.fileBytes);
  cursor.require(inHand);
  const magic = cursor.bytes.subarray(0, inHand);
  const expected = 'GGUF'.slice(0, inHand);
  if (String.fromCharCode(...magic) === expected) {
    cursor.require(4);
    return;
  }
  const lookAlike = recogniseLookAlike(cursor.bytes);
  if (lookAlike === undefined) {
    log.stop('header/magic', `the file begins with ${describeMagic(magic)}, expected "GGUF"`, { offset: 0 });
  }
  const message = `the file is ${lookAlike.what}; it begins with ${describeMagic(magic)}, expected "GGUF"`;
  log.stop('header/magic', message, { offset: 0, hint: lookAlike.hint });
}

function checkVersion(version: number, log: IssueLog): 2 | 3 {
  if (version === 2 || version === 3) return version;
  if (version !== 0 && (version & 0xffff) === 0) {
    log.stop('header/big-endian', 'the file is big-endian (made for s390x)', {
      offset: 4,
      hint: 'Use the little-endian file of the model, or convert it in place: gguf-convert-endian FILE little (Python’s gguf 0.19.0).',
    });
  }
  const hint =
    version === 1
      ? 'GGUF 1 is no longer loaded by llama.cpp; download a current file of the model.'
      : 'The file may be newer than this version of quantscope.';
  const message = `GGUF version ${version}, expected 2 or 3`;
  log.stop('header/version', message, version === 0 ? { offset: 4 } : { offset: 4, hint });
}

interface Count {
  readonly code: 'header/tensor-count' | 'header/metadata-count';
  readonly what: string;
  readonly count: bigint;
  readonly minimumBytes: number;
  readonly limit: number;
  /** Where it stands in the file. */
  readonly offset: number;
}

function checkCount(
  { code, what, count, minimumBytes, limit, offset }: Count,
  room: number,
  log: IssueLog,
): void {
  if (count > BigInt(Math.floor(room / minimumBytes))) {
    const message = `${count} ${what} of at least ${minimumBytes} bytes, ${room} bytes left in the file`;
    log.stop(code, message, { offset, hint: AGAIN_HINT });
  }
  if (count > BigInt(limit)) log.stop(code, `${count} ${what}, the limit is ${limit}`, { offset });
}
