import type { Cursor } from './cursor.ts';
import { forkType } from './fork-types.ts';
import type { TensorInfo } from './header.ts';
import type { IssueLog } from './issue-log.ts';
import { quote } from './metadata-parser.ts';
import { REMOVED_TENSOR_TYPES, TENSOR_TYPES, tensorTypeById } from './tensor-types.ts';
import { decodeUtf8, decodeUtf8Strictly } from './utf8.ts';

/** `GGML_MAX_NAME`: the terminating NUL included. */
const NAME_BYTES_LIMIT = 64;
const MAXIMUM_DIMENSIONS = 4;
const INT64_LIMIT = 2n ** 63n;

/** A tensor info whose offset is not judged yet; without a size where it could not be computed. */
export interface RawTensor {
  readonly info: TensorInfo | undefined;
  readonly name: string;
  readonly offset: bigint;
  /** Where the info, and where its offset field, stand in the file. */
  readonly at: number;
  readonly offsetFieldAt: number;
}

/** Reads one tensor info. After MoreBytesNeeded the call is repeated from the same position. */
export function parseTensorInfo(cursor: Cursor, log: IssueLog): RawTensor {
  const at = cursor.position;
  const name = readName(cursor, log, at);
  const dimensionsAt = cursor.position;
  const dimensionCount = cursor.u32();
  if (dimensionCount > MAXIMUM_DIMENSIONS) {
    const message = `tensor ${quote(name)}: ${dimensionCount} dimensions, at most ${MAXIMUM_DIMENSIONS} are allowed`;
    log.stop('tensor/dimensions', message, { offset: dimensionsAt, tensor: name });
  }
  const dimensions: bigint[] = [];
  for (let index = 0; index < dimensionCount; index++) dimensions.push(cursor.u64());
  const typeAt = cursor.position;
  const typeId = cursor.u32();
  const offsetFieldAt = cursor.position;
  const offset = cursor.u64();
  // Everything is in hand: from here on the call cannot be repeated, so issues are reported once.
  reportName(log, name, at, cursor);
  const info = judge({ log, name, dimensions, dimensionsAt, typeId, typeAt, offset });
  return { info, name, offset, at, offsetFieldAt };
}

function readName(cursor: Cursor, log: IssueLog, at: number): string {
  const length = cursor.u64();
  if (length > BigInt(cursor.remaining)) {
    const message = `a tensor name: ${length} bytes long, ${cursor.remaining} bytes left in the file`;
    const code = length >= BigInt(NAME_BYTES_LIMIT) ? 'tensor/name-length' : 'header/truncated';
    log.stop(code, message, { offset: at });
  }
  const bytes = Number(length);
  cursor.require(bytes);
  const start = cursor.position;
  cursor.position = start + bytes;
  return decodeUtf8(cursor.slice(start, cursor.position));
}

function reportName(log: IssueLog, name: string, at: number, cursor: Cursor): void {
  const length = Number(cursor.view.getBigUint64(at - cursor.start, true));
  const start = at + 8;
  const place = { offset: at, tensor: name };
  if (length >= NAME_BYTES_LIMIT) {
    const message = `tensor ${quote(name)}: a name of ${length} bytes, at most ${NAME_BYTES_LIMIT - 1} are allowed`;
    log.report('tensor/name-length', message, place);
  }
  if (length === 0) log.report('tensor/name-empty', 'a tensor without a name', place);
  if (name.includes('\0')) log.report('tensor/name-nul', `tensor ${quote(name)}: holds a NUL byte`, place);
  if (decodeUtf8Strictly(cursor.slice(start, start + length)) === undefined) {
    log.report('tensor/name-utf8', `tensor ${quote(name)}: not valid UTF-8`, place);
  }
}

interface TensorFields {
  readonly log: IssueLog;
  readonly name: string;
  readonly dimensions: readonly bigint[];
  readonly dimensionsAt: number;
  readonly typeId: number;
  readonly typeAt: number;
  readonly offset: bigint;
}

function judge(fields: TensorFields): TensorInfo | undefined {
  const { log, name, dimensions, dimensionsAt, typeId, typeAt, offset } = fields;
  const elements = judgeShape(fields);
  const type = tensorTypeById(typeId);
  if (type === undefined) {
    const removed = REMOVED_TENSOR_TYPES.get(typeId);
    const place = { offset: typeAt, tensor: name };
    if (removed === undefined) {
      const fork = forkType(typeId);
      const known =
        fork === undefined ? 'is not known to ggml' : `is ${fork}: no release of llama.cpp reads it`;
      log.report('tensor/type-unknown', `tensor ${quote(name)}: type ${typeId} ${known}`, {
        ...place,
        hint:
          fork === undefined
            ? 'The file may be newer than this version of quantscope.'
            : 'Run it with that fork, or make another of the original: quantscope quantize BASE TYPE.',
      });
    } else {
      log.report(
        'tensor/type-removed',
        `tensor ${quote(name)}: type ${typeId} (${removed}) was removed from ggml${alsoIn(typeId)}`,
        {
          ...place,
          hint: 'Quantize the original again, quantscope quantize BASE TYPE: llama.cpp repacks Q4_0 and IQ4_NL when it loads them.',
        },
      );
    }
    return undefined;
  }
  if (elements === undefined) return undefined;
  const { blockElements, blockBytes } = TENSOR_TYPES[type];
  const columns = dimensions[0] ?? 1n;
  if (columns % BigInt(blockElements) !== 0n) {
    const message = `tensor ${quote(name)}: ${columns} elements per row, expected a multiple of ${type}'s block of ${blockElements}`;
    log.report('tensor/block-size', message, { offset: dimensionsAt + 4, tensor: name });
    return undefined;
  }
  const sizeBytes = (elements / BigInt(blockElements)) * BigInt(blockBytes);
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  if (elements > limit || sizeBytes > limit) {
    const message = `tensor ${quote(name)}: shape [${dimensions.join(', ')}] takes ${sizeBytes} bytes`;
    log.report('tensor/size-overflow', message, { offset: dimensionsAt + 4, tensor: name });
    return undefined;
  }
  return {
    name,
    type,
    shape: dimensions.map(Number),
    offset: Number(offset),
    sizeBytes: Number(sizeBytes),
    elements: Number(elements),
  };
}

/** The exact product of the dimensions, or undefined where it is not a legal one. */
function judgeShape({ log, name, dimensions, dimensionsAt }: TensorFields): bigint | undefined {
  const place = { offset: dimensionsAt, tensor: name };
  const shape = `[${dimensions.join(', ')}]`;
  if (dimensions.length === 0) log.report('tensor/scalar', `tensor ${quote(name)}: 0 dimensions`, place);
  const negative = dimensions.findIndex((dimension) => dimension >= INT64_LIMIT);
  if (negative >= 0) {
    const message = `tensor ${quote(name)}: shape ${shape} has a dimension of 2^63 or more`;
    log.report('tensor/dimension-negative', message, { ...place, offset: dimensionsAt + 4 + 8 * negative });
    return undefined;
  }
  const elements = dimensions.reduce((product, dimension) => product * dimension, 1n);
  if (elements >= INT64_LIMIT) {
    const message = `tensor ${quote(name)}: shape ${shape} has ${elements} elements, expected fewer than 2^63`;
    log.report('tensor/element-overflow', message, { ...place, offset: dimensionsAt + 4 });
    return undefined;
  }
  if (elements === 0n) {
    log.report('tensor/dimension-zero', `tensor ${quote(name)}: shape ${shape} has no elements`, place);
  }
  return elements;
}

function alsoIn(typeId: number): string {
  const fork = forkType(typeId);
  return fork === undefined ? '' : `; it is ${fork}, too`;
}
