import { createHash, type Hash } from 'node:crypto';
// Not from the layer's index: a worker thread starts with this module and needs nothing else of it.
import { layoutOf } from '../gguf/tensor-types.ts';
import { type ByteViews, type ContentKernel, kernelOf, type Tally, viewsOf } from './content-kernels.ts';
import type { TensorContent, TensorExtent } from './content-report.ts';
import { isZero, ZeroRuns, ZeroSlices } from './zero-runs.ts';

/** Largest block of any type (Q8_K, 292 bytes), rounded up. */
const CARRY_BYTES = 512;

interface Progress {
  readonly extent: TensorExtent;
  readonly blockBytes: number;
  readonly kernel: ContentKernel | undefined;
  readonly tally: Tally;
  readonly hash: Hash | null;
  readonly zeroRuns: ZeroRuns;
  readonly zeroSlices: ZeroSlices | null;
  /** Bytes of it that have been seen. */
  seen: number;
  allZero: boolean;
  paddingOffset: number | null;
}

/**
 * Checks tensors' contents in a file that streams by, piece after piece from its beginning. Nothing is kept but
 * counts, and the beginning of a block that two pieces share.
 */
export class ContentScan {
  readonly #tensors: readonly Progress[];
  readonly #carry: ByteViews = viewsOf(new ArrayBuffer(CARRY_BYTES));
  #carried = 0;
  /** Copies of pieces whose tensors do not stand at multiples of their field size (alignment below 4). */
  #aligned: ByteViews | undefined;
  /** The first tensor that has not been seen to its end. */
  #next = 0;
  /** The first tensor whose padding has not. */
  #nextPadded = 0;

  /**
   * @param extents in the file's order
   * @param withHashes whether each tensor is hashed too
   */
  constructor(extents: readonly TensorExtent[], withHashes = false) {
    this.#tensors = extents.map((extent) => ({
      extent,
      blockBytes: layoutOf(extent.type).blockBytes,
      kernel: kernelOf(extent.type),
      tally: { nan: 0, infinite: 0, firstBad: Infinity, huge: 0, firstHuge: Infinity },
      hash: withHashes ? createHash('sha256') : null,
      zeroRuns: new ZeroRuns(),
      zeroSlices: extent.sliceBytes > 0 ? new ZeroSlices(extent.sliceBytes) : null,
      seen: 0,
      allZero: true,
      paddingOffset: null,
    }));
  }

  /**
   * Takes the next piece of the file.
   * @param views the piece begins at their first byte
   * @param length bytes of it
   * @param fileOffset where it stands in the file
   */
  feed(views: ByteViews, length: number, fileOffset: number): void {
    const end = fileOffset + length;
    for (let index = this.#next; index < this.#tensors.length; index++) {
      const tensor = this.#tensors[index];
      if (tensor === undefined || tensor.extent.start >= end) break;
      const from = Math.max(tensor.extent.start, fileOffset) - fileOffset;
      const to = Math.min(tensor.extent.end, end) - fileOffset;
      if (to > from) this.#take(tensor, views, from, to, fileOffset);
      if (tensor.extent.end <= end) {
        this.#next = index + 1;
        this.#carried = 0;
      }
    }
    this.#feedPadding(views, fileOffset, end);
  }

  /** Padding has no type: bytes that are not zero are all there is to see. */
  #feedPadding({ u8 }: ByteViews, fileOffset: number, end: number): void {
    for (let index = this.#nextPadded; index < this.#tensors.length; index++) {
      const tensor = this.#tensors[index];
      if (tensor === undefined || tensor.extent.end >= end) break;
      const { extent } = tensor;
      for (let at = Math.max(extent.end, fileOffset); at < Math.min(extent.paddedEnd, end); at++) {
        if (u8[at - fileOffset] !== 0) tensor.paddingOffset ??= at;
      }
      if (extent.paddedEnd <= end) this.#nextPadded = index + 1;
    }
  }

  /** What was found, once the whole file has been fed. */
  results(): TensorContent[] {
    return this.#tensors.map(
      ({ extent, tally, hash, allZero, zeroRuns, zeroSlices, seen, paddingOffset }) => ({
        name: extent.name,
        type: extent.type,
        nan: tally.nan,
        infinite: tally.infinite,
        firstBadOffset: Number.isFinite(tally.firstBad) ? extent.start + tally.firstBad : null,
        huge: tally.huge,
        firstHugeOffset: Number.isFinite(tally.firstHuge) ? extent.start + tally.firstHuge : null,
        allZero: allZero && seen > 0,
        zeroRun: zeroRuns.longest(),
        zeroSlices: zeroSlices?.found() ?? [],
        paddingOffset,
        sha256: hash?.digest('hex') ?? null,
      }),
    );
  }

  #take(tensor: Progress, views: ByteViews, from: number, to: number, fileOffset: number): void {
    tensor.hash?.update(views.u8.subarray(from, to));
    if (tensor.allZero) tensor.allZero = isZero(views, from, to);
    tensor.zeroRuns.feed(views, from, to, fileOffset);
    tensor.zeroSlices?.feed(views, from, to);
    const { kernel, blockBytes } = tensor;
    if (kernel !== undefined) {
      let at = from;
      if (this.#carried > 0) {
        const missing = Math.min(blockBytes - this.#carried, to - at);
        this.#carry.u8.set(views.u8.subarray(at, at + missing), this.#carried);
        this.#carried += missing;
        at += missing;
        if (this.#carried === blockBytes) {
          const position = tensor.seen + (at - from) - blockBytes;
          kernel.run(this.#carry, 0, 1, position, tensor.tally);
          this.#carried = 0;
        }
      }
      const blocks = Math.floor((to - at) / blockBytes);
      if (blocks > 0) this.#run(tensor, kernel, views, at, blocks, tensor.seen + (at - from));
      const rest = at + blocks * blockBytes;
      if (rest < to) {
        this.#carry.u8.set(views.u8.subarray(rest, to), 0);
        this.#carried = to - rest;
      }
    }
    tensor.seen += to - from;
  }

  #run(
    tensor: Progress,
    kernel: ContentKernel,
    views: ByteViews,
    at: number,
    blocks: number,
    position: number,
  ): void {
    if (at % kernel.alignment === 0) {
      kernel.run(views, at, blocks, position, tensor.tally);
      return;
    }
    const bytes = blocks * tensor.blockBytes;
    if (this.#aligned === undefined || this.#aligned.u8.length < bytes) {
      this.#aligned = viewsOf(new ArrayBuffer(Math.ceil(Math.max(bytes, views.u8.length) / 4) * 4));
    }
    this.#aligned.u8.set(views.u8.subarray(at, at + bytes));
    kernel.run(this.#aligned, 0, blocks, position, tensor.tally);
  }
}
