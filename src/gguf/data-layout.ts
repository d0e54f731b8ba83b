import type { TensorInfo } from './header.ts';
import { AGAIN_HINT, type IssueLog } from './issue-log.ts';
import { quote } from './metadata-parser.ts';
import type { RawTensor } from './tensor-parser.ts';

/** Of files that state no alignment (GGUF_DEFAULT_ALIGNMENT). */
export const DEFAULT_ALIGNMENT = 32;

/** The next multiple of `alignment` at or after a position. Both below 2^53. */
export function alignUp(position: number, alignment: number): number {
  const rest = position % alignment;
  return rest === 0 ? position : position + alignment - rest;
}

/**
 * Checks that each offset is the padded sum of the tensors before it, and yields the sum. After a wrong
 * offset the sum goes on from there, so that one shift is one issue and not one for each tensor behind it.
 * @param alignment undefined where the file's own is invalid: nothing can be said of offsets then
 */
export function checkOffsets(
  tensors: readonly RawTensor[],
  alignment: number | undefined,
  log: IssueLog,
): number {
  let expected: number | undefined = 0;
  for (const { info, name, offset, offsetFieldAt } of tensors) {
    const place = { offset: offsetFieldAt, tensor: name };
    if (alignment !== undefined && expected !== undefined && offset !== BigInt(expected)) {
      const why =
        offset % BigInt(alignment) === 0n
          ? ''
          : `, which is not a multiple of the alignment of ${alignment} either`;
      log.report(
        'tensor/offset',
        `tensor ${quote(name)}: offset ${offset}, expected ${expected}${why}`,
        place,
      );
    }
    if (info === undefined || !Number.isSafeInteger(info.offset)) {
      expected = undefined;
      continue;
    }
    const end: number = alignUp(info.offset + info.sizeBytes, alignment ?? 1);
    if (!Number.isSafeInteger(end)) {
      const message = `tensor ${quote(name)}: the tensors up to it take ${end} bytes or more`;
      log.report('tensor/size-overflow', message, place);
      expected = undefined;
      continue;
    }
    expected = end;
  }
  return expected ?? 0;
}

/** Checks the data section's extent against the file's length. */
export function checkDataExtent(
  tensors: readonly TensorInfo[],
  dataOffset: number,
  alignment: number,
  fileBytes: number,
  log: IssueLog,
): void {
  const holding = tensors.filter((tensor) => tensor.sizeBytes > 0);
  let dataEnd = dataOffset;
  for (const tensor of holding) dataEnd = Math.max(dataEnd, dataOffset + tensor.offset + tensor.sizeBytes);
  if (tensors.length > 0 && dataOffset > fileBytes) {
    const message = `the data section begins at byte ${dataOffset}, the file ends at ${fileBytes}`;
    log.report('data/start', message, { offset: fileBytes, hint: AGAIN_HINT });
    return;
  }
  const cut = holding.filter((tensor) => dataOffset + tensor.offset + tensor.sizeBytes > fileBytes);
  const first = cut[0];
  if (first !== undefined) {
    const start = dataOffset + first.offset;
    const left = Math.max(0, fileBytes - start);
    const others = cut.length > 1 ? `; ${cut.length - 1} more tensors are cut or absent` : '';
    const message = `tensor ${quote(first.name)}: ${left} bytes left in the file, need ${first.sizeBytes}${others}`;
    log.report('data/truncated', message, { offset: start, tensor: first.name, hint: AGAIN_HINT });
    return;
  }
  const paddedEnd = alignUp(dataEnd, alignment);
  if (tensors.length > 0 && fileBytes < paddedEnd) {
    const message = `${paddedEnd - fileBytes} bytes of padding after the last tensor are missing`;
    if (fileBytes === dataEnd) log.report('data/final-padding', message, { offset: fileBytes });
    else log.report('data/final-padding-cut', message, { offset: fileBytes, hint: AGAIN_HINT });
  }
  if (fileBytes > paddedEnd) {
    const message = `${fileBytes - paddedEnd} bytes follow the last tensor`;
    log.report('data/trailing', message, { offset: paddedEnd });
  }
}

/** @param padding what is in hand of the bytes from `start` to the data section */
export function checkHeaderPadding(padding: Uint8Array, start: number, log: IssueLog): void {
  const index = padding.findIndex((byte) => byte !== 0);
  if (index < 0) return;
  const message = `the padding before the data section holds the byte ${padding[index]}, expected 0`;
  log.report('data/header-padding', message, { offset: start + index });
}
