import { fixedArrayView, stringArrayView } from './array-view.ts';
import { Cursor, MoreBytesNeeded, PastEndOfFile } from './cursor.ts';
import { alignUp, checkDataExtent, checkOffsets } from './data-layout.ts';
import type { ArrayView, MetadataValue, ParsedHeader, TensorInfo } from './header.ts';
import { IssueLog, ParseStopped } from './issue-log.ts';
import { describeMagic, recogniseLookAlike } from './look-alikes.ts';
import { type ArrayExtent, type MetadataEntry, MetadataParser, quote } from './metadata-parser.ts';
import { type ArraySeen, forecastArray, forecastSiblings } from './size-forecast.ts';
import type { StructureIssue } from './structure-codes.ts';
import { parseTensorInfo, type RawTensor } from './tensor-parser.ts';

/** What bounds a parse; every limit is far above what real files have. */
export interface ParseLimits {
  /** Largest header in bytes. Gemma 4's, with 262,144 tokens and 514,906 merges, has 16 MB. */
  readonly headerBytes: number;
  readonly metadataCount: number;
  readonly tensorCount: number;
}

export const DEFAULT_LIMITS: ParseLimits = {
  headerBytes: 128 * 2 ** 20,
  metadataCount: 2 ** 16,
  tensorCount: 2 ** 18,
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

/** More bytes are asked for: at least up to `neededEnd`; `expectedEnd` is where the header probably ends. */
export interface BytesWanted {
  readonly neededEnd: number;
  readonly expectedEnd: number;
}

const FIXED_BYTES = 24;
const MINIMUM_PAIR_BYTES = 14;
const MINIMUM_TENSOR_BYTES = 24;
const DEFAULT_ALIGNMENT = 32;
/** Guesses for what has not been seen yet: a scalar pair, and a tensor info with a name like the usual ones. */
const TYPICAL_PAIR_BYTES = 64;
const TYPICAL_TENSOR_BYTES = 72;
const AGAIN_HINT =
  'The file is probably cut short: compare its size with the source’s and download it again.';

/**
 * The format's core: synchronous, fed with growing prefixes of a file, keeping its place between them.
 * Call {@link advance} until it yields undefined, then {@link finish}.
 */
export class HeaderParser {
  readonly #cursor: Cursor;
  readonly #log: IssueLog = new IssueLog();
  readonly #limits: ParseLimits;
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
   */
  constructor(bytes: Uint8Array, fileBytes: number, limits: ParseLimits = DEFAULT_LIMITS) {
    this.#cursor = new Cursor(bytes, fileBytes);
    this.#limits = limits;
    this.#pairs = new MetadataParser(this.#cursor, this.#log);
  }

  /** The first error so far. A strict caller stops here. */
  get firstError(): StructureIssue | undefined {
    return this.#log.firstError();
  }

  /**
   * Goes on as far as the bytes reach. Yields undefined when the header has been read or cannot be read.
   * @param bytes a longer prefix of the same file than the one before
   */
  advance(bytes: Uint8Array = this.#cursor.bytes): BytesWanted | undefined {
    if (bytes !== this.#cursor.bytes) this.#cursor.extend(bytes);
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
      // The views and the padding check need the bytes up to the end, even of an array that was jumped over.
      this.#cursor.require(0);
      return undefined;
    } catch (thrown) {
      if (!(thrown instanceof MoreBytesNeeded)) return this.#stopFor(thrown);
      if (thrown.end > this.#limits.headerBytes) return this.#tooLarge(thrown.end);
      const array = this.#pairs.arraySeen;
      if (array === undefined) {
        // The item is read again from its start, and its issues with it. Inside a string array the parser
        // keeps its place instead.
        this.#cursor.position = itemStart;
        this.#log.issues.length = issuesBefore;
      }
      return { neededEnd: thrown.end, expectedEnd: this.#expectedEnd(thrown.end, array) };
    }
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

  #expectedEnd(neededEnd: number, array: ArraySeen | undefined): number {
    const pairs = Math.max(0, this.#metadataCount - this.#metadataSeen);
    const tensors = this.#tensorCount - this.#tensors.length;
    const seen = this.#tensors.length;
    const perTensor = seen === 0 ? TYPICAL_TENSOR_BYTES : (this.#cursor.position - this.#metadataEnd) / seen;
    const rest = Math.ceil(pairs * TYPICAL_PAIR_BYTES + tensors * perTensor);
    if (array === undefined) return neededEnd + rest;
    const model = this.#entries.get('tokenizer.ggml.model')?.value;
    const tokenizerModel =
      model !== undefined && 'type' in model && model.type === 'string' ? model.value : '';
    const siblings = forecastSiblings(array, tokenizerModel, (key) => this.#entries.has(key));
    return Math.max(neededEnd, array.start + forecastArray(array)) + siblings + rest;
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
    const cursor = this.#cursor;
    const log: IssueLog = this.#log;
    if (cursor.fileBytes === 0) {
      log.stop('header/empty', 'the file is empty', { offset: 0, hint: 'Download the file again.' });
    }
    this.#magic();
    cursor.position = 4;
    const version = cursor.u32();
    if (version !== 0 && (version & 0xffff) === 0) {
      log.stop('header/big-endian', 'the file is big-endian (made for s390x)', {
        offset: 4,
        hint: 'Use the little-endian file of the model, or convert it with llama.cpp’s gguf_convert_endian.py.',
      });
    }
    if (version !== 2 && version !== 3) {
      const hint =
        version === 1
          ? 'GGUF 1 is no longer loaded by llama.cpp; download a current file of the model.'
          : 'The file may be newer than this version of quantscope.';
      log.stop(
        'header/version',
        `GGUF version ${version}, expected 2 or 3`,
        version === 0 ? { offset: 4 } : { offset: 4, hint },
      );
    }
    this.#version = version;
    const tensorCount = cursor.u64();
    const metadataCount = cursor.u64();
    this.#checkCount('header/tensor-count', 'tensor infos', tensorCount, MINIMUM_TENSOR_BYTES, 8);
    this.#checkCount('header/metadata-count', 'key-value pairs', metadataCount, MINIMUM_PAIR_BYTES, 16);
    this.#tensorCount = Number(tensorCount);
    this.#metadataCount = Number(metadataCount);
  }

  #magic(): void {
    const cursor = this.#cursor;
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
      this.#log.stop('header/magic', `the file begins with ${describeMagic(magic)}, expected "GGUF"`, {
        offset: 0,
      });
    }
    const message = `the file is ${lookAlike.what}; it begins with ${describeMagic(magic)}, expected "GGUF"`;
    this.#log.stop('header/magic', message, { offset: 0, hint: lookAlike.hint });
  }

  #checkCount(
    code: 'header/tensor-count' | 'header/metadata-count',
    what: string,
    count: bigint,
    minimumBytes: number,
    offset: number,
  ): void {
    const room = Math.max(0, this.#cursor.fileBytes - FIXED_BYTES);
    if (count > BigInt(Math.floor(room / minimumBytes))) {
      const message = `${count} ${what} of at least ${minimumBytes} bytes, ${room} bytes left in the file`;
      this.#log.stop(code, message, { offset, hint: AGAIN_HINT });
    }
    const limit = code === 'header/tensor-count' ? this.#limits.tensorCount : this.#limits.metadataCount;
    if (count > BigInt(limit)) {
      this.#log.stop(code, `${count} ${what}, the limit is ${limit}`, { offset });
    }
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
      if ('type' in value) metadata.set(key, value);
      // A parse that stopped may have jumped over an array whose bytes never came.
      else if (value.end <= this.#cursor.bytes.length)
        metadata.set(key, { type: 'array', value: this.#view(value) });
    }
    return metadata;
  }

  #view({ elementType, length, start, end }: ArrayExtent): ArrayView {
    const encoded = this.#cursor.bytes.subarray(start, end);
    return elementType === 'string'
      ? stringArrayView(encoded, length)
      : fixedArrayView(elementType, encoded, length);
  }

  /** The file's alignment, or undefined where what it says is invalid. */
  #alignment(): number | undefined {
    const entry = this.#entries.get('general.alignment');
    if (entry === undefined) return DEFAULT_ALIGNMENT;
    const { value, offset, key } = entry;
    const type = 'type' in value ? value.type : 'array';
    if (!('type' in value) || value.type !== 'uint32') {
      this.#log.report('metadata/alignment-type', `general.alignment is of type ${type}, expected uint32`, {
        offset,
        key,
      });
      return undefined;
    }
    const alignment = value.value;
    // A power of two up to 2^31 has one bit; >>> keeps the 32-bit arithmetic unsigned.
    if (alignment === 0 || (alignment & (alignment - 1)) >>> 0 !== 0) {
      const message = `general.alignment is ${alignment}, expected a power of two`;
      this.#log.report('metadata/alignment-value', message, { offset, key });
      return undefined;
    }
    return alignment;
  }

  #header(metadata: Map<string, MetadataValue>, tensors: TensorInfo[], dataChecks: boolean): ParsedHeader {
    const log = this.#log;
    const infosEnd = this.#cursor.position;
    const { fileBytes } = this.#cursor;
    this.#checkBoolArrays(metadata);
    const stated = this.#alignment();
    const alignment = stated ?? DEFAULT_ALIGNMENT;
    checkOffsets(this.#tensors, stated, log);
    const padded = alignUp(infosEnd, alignment);
    // Without tensors there is no data section, and nothing asks for its padding (G:777).
    const dataOffset = this.#tensorCount === 0 ? Math.min(padded, fileBytes) : padded;
    if (dataChecks && stated !== undefined) {
      checkDataExtent(tensors, dataOffset, alignment, fileBytes, log);
      this.#checkHeaderPadding(infosEnd, dataOffset);
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

  #checkHeaderPadding(infosEnd: number, dataOffset: number): void {
    // Only what is in hand: a reader does not fetch a window to look at padding.
    const padding = this.#cursor.bytes.subarray(infosEnd, dataOffset);
    const index = padding.findIndex((byte) => byte !== 0);
    if (index >= 0) {
      const message = `the padding before the data section holds the byte ${padding[index]}, expected 0`;
      this.#log.report('data/header-padding', message, { offset: infosEnd + index });
    }
  }

  #checkBoolArrays(metadata: ReadonlyMap<string, MetadataValue>): void {
    for (const [key, { type, value }] of metadata) {
      if (type !== 'array' || value.elementType !== 'bool') continue;
      const index = value.encoded.findIndex((byte) => byte > 1);
      if (index >= 0) {
        const offset = value.encoded.byteOffset - this.#cursor.bytes.byteOffset + index;
        const message = `key ${quote(key)}, element ${index}: a bool of ${value.encoded[index]}, expected 0 or 1`;
        this.#log.report('metadata/bool', message, { offset, key });
      }
    }
  }
}
