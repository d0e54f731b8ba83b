import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { instantiate, type Kernels } from '../util/webassembly.ts';
import { paddedRow, type RowFile, rowBytes } from './logit-rows.ts';
import { divergence, exponentialSum, LANES, maximum } from './score-kernels.ts';

/** What is done with rows of logits, by all threads together: each takes the next block until none is left. */
export interface RowJob {
  /** Of the first row in llama.cpp's memory; the others follow. */
  readonly address: bigint;
  readonly vocabularySize: number;
  /** The token that follows each row. */
  readonly nextTokens: Int32Array;
  /** Where rows are written, or the reference's are read; null to score alone. */
  readonly file: (RowFile & { readonly mode: 'write' | 'compare' }) | null;
  /** COLUMNS numbers a row; a shared buffer, as `progress`. */
  readonly scores: Float64Array;
  readonly progress: Int32Array;
}

/** Places of a row's numbers in `scores`. */
export const COLUMNS = {
  nextLogProb: 0,
  topToken: 1,
  kld: 2,
  referenceLogProb: 3,
  referenceTopToken: 4,
} as const;
export const COLUMN_COUNT = 5;

/** Places in `progress`. */
export const PROGRESS = { nextBlock: 0, finishedBlocks: 1, failed: 2 } as const;

/** Rows that a thread takes at once: a file is read or written in pieces of about so much. */
const BLOCK_BYTES = 2 ** 20;
/** llama-perplexity stores no logit further below the largest, and sums no ln p at or below minus this. */
const CLIP = 16;
const LARGEST_QUANT = 65535;
/** Added to a float below 2^22 and taken off again, it rounds to the nearest integer, as llama.cpp's nearest_int. */
const ROUND_FLOAT = 12582912;

const { fround } = Math;

export function blockRows({ vocabularySize, file }: Pick<RowJob, 'vocabularySize' | 'file'>): number {
  return Math.max(1, Math.floor(BLOCK_BYTES / rowBytes(file?.form ?? 'float32', vocabularySize)));
}

/** Memory of the kernels: their sums and parameters, two rows, and a block of a file's rows. */
interface Layout {
  readonly sums: number;
  readonly parameters: number;
  readonly row: number;
  readonly reference: number;
  readonly block: number;
}

/** One thread's scorer, with memory for a few rows of one vocabulary. */
export class RowScorer {
  readonly #vocabularySize: number;
  readonly #padded: number;
  readonly #at: Layout;
  readonly #kernels: Kernels['functions'];
  readonly #buffer: ArrayBuffer;
  readonly #sums: Float64Array;
  readonly #maxima: Float32Array;
  readonly #parameters: Float64Array;
  readonly #view: (address: bigint, bytes: number) => ArrayBuffer;
  #native: { readonly address: bigint; readonly logits: Float32Array } | undefined;

  /** @param view memory at an address, as it is */
  constructor(vocabularySize: number, view: (address: bigint, bytes: number) => ArrayBuffer) {
    this.#vocabularySize = vocabularySize;
    this.#padded = paddedRow(vocabularySize);
    this.#view = view;
    const row = 64;
    const reference = row + 4 * this.#padded;
    const block = reference + 4 * this.#padded;
    this.#at = { sums: 0, parameters: 8 * LANES, row, reference, block };
    const blockBytes = Math.max(BLOCK_BYTES, rowBytes('float32', vocabularySize));
    const { buffer, functions } = instantiate([maximum, exponentialSum, divergence], block + blockBytes);
    this.#buffer = buffer;
    this.#kernels = functions;
    this.#sums = new Float64Array(buffer, 0, LANES);
    this.#maxima = new Float32Array(buffer, 0, LANES);
    this.#parameters = new Float64Array(buffer, this.#at.parameters, 2);
    this.#floats(row).fill(Number.NEGATIVE_INFINITY, vocabularySize);
    this.#floats(reference).fill(Number.NEGATIVE_INFINITY, vocabularySize);
  }

  /** Takes blocks until none is left. */
  work(job: RowJob): void {
    const { nextTokens, file, progress } = job;
    const step = blockRows(job);
    const descriptor = file === null ? null : openSync(file.path, file.mode === 'write' ? 'r+' : 'r');
    try {
      for (;;) {
        const block = Atomics.add(progress, PROGRESS.nextBlock, 1);
        const first = block * step;
        if (first >= nextTokens.length) return;
        const last = Math.min(nextTokens.length, first + step);
        if (file === null || descriptor === null) this.#scoreAlone(job, first, last);
        else if (file.mode === 'write') this.#write(job, file, descriptor, first, last);
        else this.#compare(job, file, descriptor, first, last);
        Atomics.add(progress, PROGRESS.finishedBlocks, 1);
        Atomics.notify(progress, PROGRESS.finishedBlocks);
      }
    } finally {
      if (descriptor !== null) closeSync(descriptor);
    }
  }

  #scoreAlone(job: RowJob, first: number, last: number): void {
    for (let index = first; index < last; index++) {
      this.#floats(this.#at.row).set(this.#logits(job, index));
      this.#score(job, index, this.#at.row);
    }
  }

  #write(job: RowJob, { form, offsetBytes }: RowFile, descriptor: number, first: number, last: number): void {
    const bytes = rowBytes(form, this.#vocabularySize);
    for (let index = first; index < last; index++) {
      const at = this.#at.block + (index - first) * bytes;
      if (form === 'float32') {
        const row = this.#floats(at + 8);
        row.set(this.#logits(job, index));
        row.fill(Number.NEGATIVE_INFINITY, this.#vocabularySize);
        new Float64Array(this.#buffer, at, 1)[0] = this.#score(job, index, at + 8);
      } else {
        this.#floats(this.#at.row).set(this.#logits(job, index));
        this.#quantize(this.#score(job, index, this.#at.row), at);
      }
    }
    const memory = new Uint8Array(this.#buffer, this.#at.block, (last - first) * bytes);
    const start = offsetBytes + first * bytes;
    for (let done = 0; done < memory.length; ) {
      done += writeSync(descriptor, memory, done, memory.length - done, start + done);
    }
  }

  #compare(job: RowJob, file: RowFile, descriptor: number, first: number, last: number): void {
    const bytes = rowBytes(file.form, this.#vocabularySize);
    const memory = new Uint8Array(this.#buffer, this.#at.block, (last - first) * bytes);
    const start = file.offsetBytes + first * bytes;
    for (let done = 0; done < memory.length; ) {
      const read = readSync(descriptor, memory, done, memory.length - done, start + done);
      if (read === 0) throw new Error(`${file.path} ends at byte ${start + done}`);
      done += read;
    }
    for (let index = first; index < last; index++) {
      this.#floats(this.#at.row).set(this.#logits(job, index));
      const logSum = this.#score(job, index, this.#at.row);
      const at = this.#at.block + (index - first) * bytes;
      const reference =
        file.form === 'float32'
          ? this.#exactReference(job, index, at)
          : this.#clippedReference(job, index, at);
      this.#parameters[0] = reference.logSum;
      this.#parameters[1] = logSum;
      const { sums, parameters, row } = this.#at;
      const end = reference.at + 4 * this.#padded;
      this.#kernels[divergence.name]?.(reference.at, end, sums, row, parameters);
      this.#put(job, index, 'kld', this.#total());
    }
  }

  /** What the row says by itself. @returns ln of the sum of exp(logit) */
  #score({ nextTokens, ...job }: Pick<RowJob, 'nextTokens' | 'scores'>, index: number, at: number): number {
    const { sums, parameters } = this.#at;
    const end = at + 4 * this.#padded;
    const max = this.#maximumOf(at);
    this.#parameters[0] = max;
    this.#kernels[exponentialSum.name]?.(at, end, sums, parameters);
    const logSum = max + Math.log(this.#total());
    const row = this.#floats(at);
    this.#put(job, index, 'nextLogProb', (row[nextTokens[index] ?? -1] ?? Number.NaN) - logSum);
    this.#put(job, index, 'topToken', row.indexOf(max));
    return logSum;
  }

  #exactReference(job: RowJob, index: number, at: number): { readonly at: number; readonly logSum: number } {
    const logSum = new Float64Array(this.#buffer, at, 1)[0] ?? Number.NaN;
    const row = this.#floats(at + 8);
    this.#put(job, index, 'referenceLogProb', (row[job.nextTokens[index] ?? -1] ?? Number.NaN) - logSum);
    this.#put(job, index, 'referenceTopToken', row.indexOf(this.#maximumOf(at + 8)));
    return { at: at + 8, logSum };
  }

  /** As llama-perplexity reads its own file, operation by operation, in single precision. */
  #clippedReference(
    job: RowJob,
    index: number,
    at: number,
  ): { readonly at: number; readonly logSum: number } {
    const [scale = Number.NaN, lowest = Number.NaN] = new Float32Array(this.#buffer, at, 2);
    const quants = new Uint16Array(this.#buffer, at + 8, this.#vocabularySize);
    const row = this.#floats(this.#at.reference);
    let [top, topQuant] = [0, -1];
    for (let token = 0; token < quants.length; token++) {
      const quant = quants[token] ?? 0;
      if (quant > topQuant) [top, topQuant] = [token, quant];
      const logProb = fround(fround(scale * quant) + lowest);
      row[token] = logProb > -CLIP ? logProb : Number.NEGATIVE_INFINITY;
    }
    const next = quants[job.nextTokens[index] ?? -1] ?? Number.NaN;
    this.#put(job, index, 'referenceLogProb', fround(fround(scale * next) + lowest));
    this.#put(job, index, 'referenceTopToken', top);
    return { at: this.#at.reference, logSum: 0 };
  }

  /** As llama-perplexity writes its file. */
  #quantize(logSum: number, at: number): void {
    const row = this.#floats(this.#at.row).subarray(0, this.#vocabularySize);
    let max = Number.NEGATIVE_INFINITY;
    let min = Number.POSITIVE_INFINITY;
    for (const logit of row) {
      if (logit > max) max = logit;
      if (logit < min) min = logit;
    }
    const least = Math.max(min, fround(max - CLIP));
    const scale = fround(fround(max - least) / LARGEST_QUANT);
    const header = new Float32Array(this.#buffer, at, 2);
    header[0] = scale;
    header[1] = fround(fround(least - max) - fround(logSum - max));
    const quants = new Uint16Array(this.#buffer, at + 8, 2 * Math.ceil(row.length / 2));
    quants.fill(0, row.length);
    const inverse = scale === 0 ? 0 : fround(1 / scale);
    for (let token = 0; token < row.length; token++) {
      const above = fround(inverse * fround((row[token] ?? least) - least));
      quants[token] = above > 0 ? fround(above + ROUND_FLOAT) - ROUND_FLOAT : 0;
    }
  }

  #put({ scores }: Pick<RowJob, 'scores'>, index: number, column: keyof typeof COLUMNS, value: number): void {
    scores[index * COLUMN_COUNT + COLUMNS[column]] = value;
  }

  #maximumOf(at: number): number {
    this.#kernels[maximum.name]?.(at, at + 4 * this.#padded, this.#at.sums);
    return Math.max(...this.#maxima);
  }

  #total(): number {
    return this.#sums.reduce((total, lane) => total + lane, 0);
  }

  #floats(at: number): Float32Array {
    return new Float32Array(this.#buffer, at, this.#padded);
  }

  /** llama.cpp keeps its rows in one place from batch to batch. */
  #logits({ address, nextTokens }: RowJob, index: number): Float32Array {
    const length = nextTokens.length * this.#vocabularySize;
    if (this.#native?.address !== address || this.#native.logits.length < length) {
      this.#native = { address, logits: new Float32Array(this.#view(address, 4 * length)) };
    }
    const start = index * this.#vocabularySize;
    return this.#native.logits.subarray(start, start + this.#vocabularySize);
  }
}
