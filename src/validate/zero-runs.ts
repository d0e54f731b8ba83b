import type { ByteViews } from './content-kernels.ts';

/** What a file system reserves and a download leaves out comes in pages. */
const PAGE_BYTES = 4096;
const MIDDLE_WORD = 512;

/** Bytes [start, end) of the file that are zero. */
export interface ZeroRun {
  readonly start: number;
  readonly end: number;
}

/** Finds the longest run of zero pages in one tensor that streams by, and where it begins and ends to the byte. */
export class ZeroRuns {
  #open: { start: number; end: number } | null = null;
  #longest: ZeroRun | null = null;

  /** Takes bytes [from, to) of a piece that stands at `fileOffset`. */
  feed(views: ByteViews, from: number, to: number, fileOffset: number): void {
    const { u8, u32 } = views;
    let page = Math.ceil(from / PAGE_BYTES) * PAGE_BYTES;
    for (; page + PAGE_BYTES <= to; page += PAGE_BYTES) {
      // Of weights hardly one is zero: the middle of a page says it, and mostly for all of it.
      if (u32[(page >> 2) + MIDDLE_WORD] !== 0 || !isZero(views, page, page + PAGE_BYTES)) {
        if (this.#open !== null) this.#close(u8, page, to, fileOffset);
        continue;
      }
      if (this.#open === null) {
        let start = page;
        while (start > from && u8[start - 1] === 0) start--;
        this.#open = { start: fileOffset + start, end: 0 };
      }
      this.#open.end = fileOffset + page + PAGE_BYTES;
    }
    if (this.#open !== null && page < to) this.#close(u8, page, to, fileOffset);
  }

  /** The longest, once all of the tensor has been fed. */
  longest(): ZeroRun | null {
    const { start, end } = this.#open ?? { start: 0, end: 0 };
    if (end - start > length(this.#longest)) return { start, end };
    return this.#longest;
  }

  #close(u8: Uint8Array, page: number, to: number, fileOffset: number): void {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    let end = page;
    while (end < to && u8[end] === 0) end++;
    const run = { start: open.start, end: fileOffset + end };
    if (length(run) > length(this.#longest)) this.#longest = run;
  }
}

function length(run: ZeroRun | null): number {
  return run === null ? 0 : run.end - run.start;
}

/** Whether bytes [from, to) are zero; fast where the first are not. */
export function isZero({ u8, u32 }: ByteViews, from: number, to: number): boolean {
  let at = from;
  for (; at < to && at % 4 !== 0; at++) if (u8[at] !== 0) return false;
  for (; at + 4 <= to; at += 4) if (u32[at >> 2] !== 0) return false;
  for (; at < to; at++) if (u8[at] !== 0) return false;
  return true;
}

/** Finds slices of one tensor that are zero throughout: the weights of one expert of several. */
export class ZeroSlices {
  readonly #sliceBytes: number;
  #seen = 0;
  #isZero = true;
  readonly #zero: number[] = [];

  constructor(sliceBytes: number) {
    this.#sliceBytes = sliceBytes;
  }

  feed(views: ByteViews, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const left = this.#sliceBytes - (this.#seen % this.#sliceBytes);
      const end = Math.min(to, at + left);
      if (this.#isZero) this.#isZero = isZero(views, at, end);
      this.#seen += end - at;
      at = end;
      if (this.#seen % this.#sliceBytes !== 0) continue;
      if (this.#isZero) this.#zero.push(this.#seen / this.#sliceBytes - 1);
      this.#isZero = true;
    }
  }

  /** Their numbers, from 0. */
  found(): readonly number[] {
    return this.#zero;
  }
}
