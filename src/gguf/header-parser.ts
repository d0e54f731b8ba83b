import { arrayView, type EncodedElements } from './array-view.ts';
import { Cursor, MoreBytesNeeded, PastEndOfFile } from './cursor.ts';
import {
  alignUp,
  checkDataExtent,
  checkHeaderPadding,
  checkOffsets,
  DEFAULT_ALIGNMENT,
} from './data-layout.ts';
import { FIXED_BYTES, parseFixedPart } from './fixed-part.ts';
import type { MetadataValue, ParsedHeader, TensorInfo } from './header.ts';
import { AGAIN_HINT, IssueLog, ParseStopped } from './issue-log.ts';
import { checkBoolArrays, statedAlignment } from './metadata-checks.ts';
import {
  type ArrayExtent,
  type MetadataEntry,
  MetadataParser,
  quote,
  type TextLimits,
} from './metadata-parser.ts';
import { pagedReader, type ReadAgain } from './paged-reader.ts';
import { forecastArray, forecastSiblings } from './size-forecast.ts';
import type { StructureIssue } from './structure-codes.ts';
import { parseTensorInfo, type RawTensor } from './tensor-parser.ts';

/** What bounds a parse; every limit is far above what real files have. */
export interface ParseLimits extends TextLimits {
  /** Largest header in bytes. Gemma 4's, with 262,144 tokens and 514,906 merges, has 16 MB. */
  readonly headerBytes: number;
  readonly metadataCount: number;
  readonly tensorCount: number;
}

export const DEFAULT_LIMITS: ParseLimits = {
  headerBytes: 128 * 2 ** 20,
  metadataCount: 2 ** 14,
  tensorCount: 2 ** 16,
  textBytes: 16 * 2 ** 20,
  arrayTexts: 2 ** 22,
};

/** What a scan found: as much of the header as could be read, and every fault on the way. */
export interface HeaderScan {
  /** The header, where its end was reached (it may still have errors); null where parsing had to stop. */
  readonly header: ParsedHeader | null;
  /** What was read up to the end or the stop, without duplicate keys and without unusable tensors. */
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  readonly tensors: readonly TensorInfo[];
  readonly issues: readonly StructureIssue[];
}

/** More bytes are asked for: all from `start` on, at least up to `neededEnd`. */
export interface BytesWanted {
  readonly start: number;
  readonly neededEnd: number;
}

/** Guesses for what has not been seen yet: a scalar pair, and a tensor info with a name like the usual ones. */
const TYPICAL_PAIR_BYTES = 64;
const TYPICAL_TENSOR_BYTES = 72;

/**
 * The format's core: synchronous, fed with one window of a file after another, keeping its place between them.
 * Call {@link advance} until it yields undefined, then {@link finish}.
 */
export class HeaderParser {
  readonly #cursor: Cursor;
  readonly #log: IssueLog = new IssueLog();
  readonly #limits: ParseLimits;
  readonly #readAgain: ReadAgain | undefined;
  readonly #pairs: MetadataParser;
  readonly #entries = new Map<string, MetadataEntry>();
  readonly #tensors: RawTensor[] = [];
  readonly #tensorNames = new Set<string>();
  #version: 2 | 3 = 3;
  #metadataCount = -1;
  #metadataSeen = 0;
  #metadataEnd = -1;
  #tensorCount = 0;
  #stopped = false;

  /**
   * @param bytes the file's first bytes, perhaps all
   * @param fileBytes the whole file's length
   * @param readAgain for arrays that are no longer in hand; without it every window must begin with the file
   */
  constructor(bytes: Uint8Array, fileBytes: number, limits: ParseLimits, readAgain?: ReadAgain) {
    this.#cursor = new Cursor(bytes, fileBytes);
    this.#limits = limits;
    this.#readAgain = readAgain === undefined ? undefined : pagedReader(readAgain, fileBytes);
    this.#pairs = new MetadataParser(this.#cursor, this.#log, limits);
  }

  /** The first error so far. A strict caller stops here. */
  get firstError(): StructureIssue | undefined {
    return this.#log.firstError();
  }

  /**
   * Goes on as far as the bytes reach. Yields undefined when the header has been read or cannot be read.
   * @param bytes of the same file, with what was wanted; by default those at hand
   * @param start where they begin in the file
   */
  advance(bytes: Uint8Array = this.#cursor.bytes, start = 0): BytesWanted | undefined {
    if (bytes !== this.#cursor.bytes) this.#cursor.moveTo(bytes, start);
    let itemStart = this.#cursor.position;
    let issuesBefore = this.#log.issues.length;
    try {
      if (this.#metadataCount < 0) this.#fixedPart();
      while (this.#metadataSeen < this.#metadataCount) {
        itemStart = this.#cursor.position;
        issuesBefore = this.#log.issues.length;
        this.#pair();
      }
      if (this.#metadataEnd < 0) this.#metadataEnd = this.#cursor.position;
      while (this.#tensors.length < this.#tensorCount) {
        itemStart = this.#cursor.position;
        issuesBefore = this.#log.issues.length;
        this.#tensor();
      }
      itemStart = this.#cursor.position;
      // The views and the padding check need the bytes up to the end, even of an array that was jumped over.
      this.#cursor.require(0);
      return undefined;
    } catch (thrown) {
      if (!(thrown instanceof MoreBytesNeeded)) return this.#stopFor(thrown);
      if (thrown.end > this.#limits.headerBytes) return this.#tooLarge(thrown.end);
      // The item is read again from its start, and its issues with it; a string array goes on where it stopped.
      const start = this.#pairs.pendingPosition ?? itemStart;
      if (start === itemStart) this.#log.issues.length = issuesBefore;
      this.#cursor.position = start;
      return { start, neededEnd: thrown.end };
    }
  }

  /** Where the header probably ends, judged by what has been read of it. Only while every window began with the file. */
  forecastEnd(neededEnd: number): number {
    const pairs = Math.max(0, this.#metadataCount - this.#metadataSeen);
    const tensors = this.#tensorCount - this.#tensors.length;
    const seen = this.#tensors.length;
    const perTensor = seen === 0 ? TYPICAL_TENSOR_BYTES : (this.#cursor.position - this.#metadataEnd) / seen;
    const rest = Math.ceil(pairs * TYPICAL_PAIR_BYTES + tensors * perTensor);
    const array = this.#pairs.arraySeen;
    if (array === undefined) return neededEnd + rest;
    const model = this.#entries.get('tokenizer.ggml.model')?.value;
    const tokenizerModel =
      model !== undefined && 'type' in model && model.type === 'string' ? model.value : '';
    const siblings = forecastSiblings(array, tokenizerModel, (key) => this.#entries.has(key));
    return Math.max(neededEnd, array.start + forecastArray(array)) + siblings + rest;
  }

  /** The result, once {@link advance} has yielded undefined. */
  finish(options: { readonly dataChecks: boolean }): HeaderScan {
    const metadata = this.#metadata();
    const tensors = this.#tensors.flatMap((tensor) => tensor.info ?? []);
    let header: ParsedHeader | null = null;
    if (!this.#stopped) {
      try {
        header = this.#header(metadata, tensors, options.dataChecks);
      } catch (thrown) {
        if (!(thrown instanceof ParseStopped)) throw thrown;
      }
    }
    return { header, metadata, tensors, issues: this.#log.issues };
  }

  #stopFor(thrown: unknown): undefined {
    this.#stopped = true;
    if (thrown instanceof ParseStopped) return;
    if (!(thrown instanceof PastEndOfFile)) throw thrown;
    const { offset, neededBytes, remainingBytes } = thrown;
    const message = `${this.#describePlace()}: ${remainingBytes} bytes left in the file, need ${neededBytes}`;
    this.#log.add('header/truncated', message, { offset, hint: AGAIN_HINT });
  }

  #tooLarge(end: number): undefined {
    this.#stopped = true;
    const message = `the header reaches to byte ${end} at least, the limit is ${this.#limits.headerBytes}`;
    this.#log.add('header/too-large', message, { offset: this.#cursor.position });
  }

  #describePlace(): string {
    if (this.#metadataCount < 0) return 'the fixed part of the header';
    if (this.#metadataSeen < this.#metadataCount) {
      return `key-value pair ${this.#metadataSeen + 1} of ${this.#metadataCount}`;
    }
    if (this.#tensors.length < this.#tensorCount) {
      return `tensor info ${this.#tensors.length + 1} of ${this.#tensorCount}`;
    }
    return 'the end of the header';
  }

  #fixedPart(): void {
    const { version, tensorCount, metadataCount } = parseFixedPart(this.#cursor, this.#log, this.#limits);
    this.#version = version;
    this.#tensorCount = tensorCount;
    this.#metadataCount = metadataCount;
  }

  #pair(): void {
    const entry = this.#pairs.next();
    if (this.#cursor.position > this.#limits.headerBytes) {
      this.#log.stop(
        'header/too-large',
        `key ${quote(entry.key)} ends at byte ${this.#cursor.position}, the limit is ${this.#limits.headerBytes}`,
        {
          offset: entry.offset,
          key: entry.key,
        },
      );
    }
    this.#metadataSeen++;
    if (this.#entries.has(entry.key)) {
      const message = `key ${quote(entry.key)} occurs a second time`;
      this.#log.report('metadata/key-duplicate', message, { offset: entry.offset, key: entry.key });
      return;
    }
    this.#entries.set(entry.key, entry);
  }

  #tensor(): void {
    const tensor = parseTensorInfo(this.#cursor, this.#log);
    this.#tensors.push(tensor);
    if (this.#tensorNames.has(tensor.name)) {
      const message = `tensor ${quote(tensor.name)} occurs a second time`;
      this.#log.report('tensor/name-duplicate', message, { offset: tensor.at, tensor: tensor.name });
    }
    this.#tensorNames.add(tensor.name);
  }

  #metadata(): Map<string, MetadataValue> {
    const metadata = new Map<string, MetadataValue>();
    for (const { key, value } of this.#entries.values()) {
      if ('type' in value) {
        metadata.set(key, value);
        continue;
      }
      const elements = this.#elementsOf(value);
      if (elements === undefined) continue;
      metadata.set(key, { type: 'array', value: arrayView(value.elementType, value.length, elements) });
    }
    return metadata;
  }

  /** How to come by an array's bytes; undefined where a parse that stopped had jumped over what never came. */
  #elementsOf({ start, end }: ArrayExtent): EncodedElements | undefined {
    const cursor = this.#cursor;
    const sizeBytes = end - start;
    if (cursor.start === 0 && end <= cursor.bytes.length) {
      const encoded = cursor.slice(start, end);
      return { sizeBytes, read: (from, to) => encoded.subarray(from, to) };
    }
    const readAgain = this.#readAgain;
    if (readAgain === undefined) return undefined;
    return { sizeBytes, read: (from, to) => readAgain(start + from, start + to) };
  }

  #header(metadata: Map<string, MetadataValue>, tensors: TensorInfo[], dataChecks: boolean): ParsedHeader {
    const log = this.#log;
    const infosEnd = this.#cursor.position;
    const { fileBytes } = this.#cursor;
    checkBoolArrays(this.#entries.values(), metadata, log);
    const stated = statedAlignment(this.#entries.get('general.alignment'), log);
    const alignment = stated ?? DEFAULT_ALIGNMENT;
    checkOffsets(this.#tensors, stated, log);
    const padded = alignUp(infosEnd, alignment);
    // Without tensors there is no data section, and nothing asks for its padding (ggml/src/gguf.cpp:777).
    const dataOffset = this.#tensorCount === 0 ? Math.min(padded, fileBytes) : padded;
    if (dataChecks && stated !== undefined) {
      checkDataExtent(tensors, dataOffset, alignment, fileBytes, log);
      // Only what is in hand: a reader does not fetch a window to look at padding.
      checkHeaderPadding(this.#cursor.slice(infosEnd, dataOffset), infosEnd, log);
    }
    return {
      version: this.#version,
      alignment,
      dataOffset,
      metadata,
      tensors,
      fileBytes,
      sections: {
        fixed: { start: 0, end: FIXED_BYTES },
        metadata: { start: FIXED_BYTES, end: this.#metadataEnd },
        tensorInfos: { start: this.#metadataEnd, end: infosEnd },
        data: { start: Math.min(dataOffset, fileBytes), end: fileBytes },
      },
      keyOffsets: new Map(Array.from(this.#entries.values(), ({ key, offset }) => [key, offset])),
      issues: log.issues,
    };
  }
}
