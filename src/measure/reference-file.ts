import { type FileHandle, open, rm, statfs } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { type RowFile, type RowForm, rowBytes } from '../engine/logit-rows.ts';
import { type VariantResult, variantSchema } from '../schema/results.ts';
import { openRegular } from '../util/bounded-text.ts';
import { issueText } from '../util/document-faults.ts';
import { messageOf, QuantscopeError, UsageError } from '../util/errors.ts';
import { draftOf, publishOutput } from '../util/output-file.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { firstScoredOf } from './perplexity.ts';

/**
 * What a reference model said of a text, on disk, so that neither the size of its vocabulary nor the length of the
 * text is held in memory. Kept (`eval --save-reference`) it stands for the reference where its model is not.
 *
 *     "QSREF\n\x03\n" or "_logits_"            8 bytes
 *     int32 n_ctx | int32 n_vocab | int32 n_chunk
 *     int32 tokens[n_chunk × n_ctx]            as the text has them: BOS is put over a chunk's first when evaluating
 *     per chunk, per position n_ctx/2 .. n_ctx-2: a row (src/engine/logit-rows.ts)
 *     JSON: what the scores depend on, and the reference's row of results
 *
 * The second is the file of `llama-perplexity --kl-divergence-base`, which ends after the rows (llama.cpp,
 * tools/perplexity/perplexity.cpp); what follows them is not read there, so that either program can use the other's.
 * Numbers are little-endian, as on every machine that llama.cpp runs on.
 */
const MAGICS: Readonly<Record<RowForm, Buffer>> = {
  float32: Buffer.from('QSREF\n\x03\n', 'latin1'),
  'llama-perplexity': Buffer.from('_logits_', 'latin1'),
};
/** Of every version. */
const OUR_MAGIC = 'QSREF\n';
const MAGIC_BYTES = 8;
const HEAD_BYTES = MAGIC_BYTES + 3 * 4;
/** Far beyond any of llama.cpp's. */
const LARGEST_COUNT = 2 ** 24;
/** A row with the outcomes of 50,000 tasks is less; anything beyond is not one of ours. */
const MAX_DESCRIPTION_BYTES = 2 ** 20;

const UNWRITABLE_HINT = 'Free some space, or name another place for the reference.';

/** Files so called are written in llama-perplexity's form. */
const LLAMA_SUFFIX = '.kld';

const nullableText = z.string().nullable();
const dependsOnSchema = z.strictObject({
  createdAt: z.iso.datetime(),
  textSha256: z.string(),
  asked: z.strictObject({ tasks: z.string(), choices: z.string(), tools: z.string() }).partial(),
  tokenizer: z.strictObject({
    vocabularySize: z.int().nonnegative(),
    tokenizerModel: nullableText,
    preTokenizer: nullableText,
    addBosToken: z.boolean().nullable(),
    bosTokenId: z.int().nullable(),
    tokens: nullableText,
    scores: nullableText,
    tokenTypes: nullableText,
    merges: nullableText,
  }),
});
const descriptionSchema = dependsOnSchema.extend({ row: variantSchema });

/** What scores depend on, besides the model. */
export type ReferenceInputs = z.infer<typeof dependsOnSchema>;

/** What a reference is of. */
interface Shape {
  readonly form: RowForm;
  readonly contextSize: number;
  readonly vocabularySize: number;
  /** The text's chunks, `contextSize` tokens each. */
  readonly chunks: readonly Uint32Array[];
}

export function formOfPath(path: string): RowForm {
  return path.endsWith(LLAMA_SUFFIX) ? 'llama-perplexity' : 'float32';
}

/** Where the rows of a text's chunks are. */
export interface RowStore {
  readonly rowsOf: (chunk: number) => RowFile;
}

/** A reference that was scored before, whose model need not be there any more. */
export interface ReferenceFile extends Shape, RowStore {
  readonly path: string;
  readonly name: string;
  /** null where the file holds scores alone, as llama-perplexity's own does. */
  readonly inputs: ReferenceInputs | null;
  /** The reference's row, as it was measured then. */
  readonly row: VariantResult | null;
}

/** @throws QuantscopeError `reference/invalid`; UsageError `input/unreadable` */
export async function openReference(path: string): Promise<ReferenceFile> {
  try {
    await using file = await openRegular(path);
    const { size } = await file.stat();
    const { chunkCount, rowsEnd, ...head } = await readHead(file, path, size);
    const { contextSize, vocabularySize } = head;
    const bytes = await readExactly(file, path, HEAD_BYTES, chunkCount * contextSize * 4);
    const tokens = new Uint32Array(bytes.buffer);
    const unknown = tokens.find((token) => token >= vocabularySize);
    if (unknown !== undefined) {
      throw invalid(path, `token ${unknown} is not in its vocabulary of ${vocabularySize}`);
    }
    const chunks = Array.from({ length: chunkCount }, (_, chunk) =>
      tokens.subarray(chunk * contextSize, (chunk + 1) * contextSize),
    );
    const shape = { ...head, chunks };
    const description = size === rowsEnd ? null : await readDescription(file, path, rowsEnd, size);
    const { row = null, ...inputs } = description ?? {};
    return {
      path,
      name: row?.name ?? basename(path),
      ...shape,
      inputs: description === null ? null : dependsOnSchema.parse(inputs),
      row,
      rowsOf: (chunk) => ({ path, form: shape.form, offsetBytes: rowsAt(shape, chunkCount, chunk) }),
    };
  } catch (cause) {
    if (cause instanceof QuantscopeError) throw cause;
    throw new UsageError('input/unreadable', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** Whether a file is of one of the two forms; false for a model, or where there is no file. */
export async function isReferenceFile(path: string): Promise<boolean> {
  try {
    await using file = await openRegular(path);
    const begin = Buffer.alloc(MAGIC_BYTES);
    await file.read(begin, 0, MAGIC_BYTES, 0);
    return begin.equals(MAGICS['llama-perplexity']) || begin.toString('latin1').startsWith(OUR_MAGIC);
  } catch {
    return false;
  }
}

/** A reference file that is made: rows are written by the engine, each chunk's to its place. */
export interface ReferenceWriter extends RowStore, AsyncDisposable {
  /**
   * Puts the complete file in place; without it nothing is left behind.
   * @param description for a file that outlives the run
   */
  readonly finish: (description: (ReferenceInputs & { readonly row: VariantResult }) | null) => Promise<void>;
}

/** @throws UsageError `output/unwritable`, also where the disk has no room for all rows */
export async function createReference(path: string, shape: Shape): Promise<ReferenceWriter> {
  const partialPath = await draftOf(path, UNWRITABLE_HINT);
  const { form, contextSize, vocabularySize, chunks } = shape;
  const offsetOf = (chunk: number) => rowsAt(shape, chunks.length, chunk);
  const file = await openToWrite(partialPath);
  await requireRoom(partialPath, offsetOf(chunks.length)).catch(async (thrown: unknown) => {
    await file.close();
    await rm(partialPath, { force: true });
    throw thrown;
  });
  const counts = Buffer.from(Int32Array.of(contextSize, vocabularySize, chunks.length).buffer);
  const tokens = chunks.map((chunk) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  await file.writev([MAGICS[form], counts, ...tokens]);
  let isFinished = false;
  return {
    rowsOf: (chunk) => ({ path: partialPath, form, offsetBytes: offsetOf(chunk) }),
    async finish(description) {
      if (description !== null) await file.write(JSON.stringify(description), offsetOf(chunks.length));
      await file.close();
      await publishOutput(partialPath, path, UNWRITABLE_HINT);
      isFinished = true;
    },
    async [Symbol.asyncDispose]() {
      if (isFinished) return;
      await file.close().catch(() => {});
      await rm(partialPath, { force: true });
    },
  };
}

function scoredPositions(contextSize: number): number {
  return contextSize - 1 - firstScoredOf(contextSize);
}

/** Where a chunk's rows begin; those of the chunk after the last is where all end. */
function rowsAt({ form, contextSize, vocabularySize }: Omit<Shape, 'chunks'>, chunks: number, chunk: number) {
  const chunkBytes = scoredPositions(contextSize) * rowBytes(form, vocabularySize);
  return HEAD_BYTES + chunks * contextSize * 4 + chunk * chunkBytes;
}

async function readHead(file: FileHandle, path: string, size: number) {
  if (size < HEAD_BYTES) throw invalid(path, `it has ${formatCount(size)} bytes`);
  const head = await readExactly(file, path, 0, HEAD_BYTES);
  const magic = head.subarray(0, MAGIC_BYTES);
  const form = (['float32', 'llama-perplexity'] as const).find((each) => MAGICS[each].equals(magic));
  if (form === undefined) throw invalid(path, 'it does not begin as one of this version');
  const [contextSize = 0, vocabularySize = 0, chunkCount = 0] = [8, 12, 16].map((at) => head.readInt32LE(at));
  for (const [what, count, least] of [
    ['tokens in a chunk', contextSize, 3],
    ['tokens in the vocabulary', vocabularySize, 1],
    ['chunks', chunkCount, 1],
  ] as const) {
    if (count < least || count > LARGEST_COUNT) throw invalid(path, `it says ${count} ${what}`);
  }
  const shape = { form, contextSize, vocabularySize };
  const rowsEnd = rowsAt(shape, chunkCount, chunkCount);
  if (size < rowsEnd) {
    throw invalid(
      path,
      `${chunkCount} chunks of ${contextSize} tokens over ${vocabularySize} need ${formatCount(rowsEnd)} bytes, it has ${formatCount(size)}`,
    );
  }
  return { ...shape, chunkCount, rowsEnd };
}

async function readDescription(file: FileHandle, path: string, start: number, end: number) {
  if (end - start > MAX_DESCRIPTION_BYTES) {
    throw invalid(path, `${formatCount(end - start)} bytes follow its rows`);
  }
  const text = (await readExactly(file, path, start, end - start)).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, `what follows its rows is not JSON: ${messageOf(cause)}`);
  }
  const checked = descriptionSchema.safeParse(json);
  if (checked.success) return checked.data;
  throw invalid(path, `its description, ${issueText(checked.error)}`);
}

/** In memory of its own and from its first byte, so that typed arrays over it are aligned. */
async function readExactly(file: FileHandle, path: string, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) throw invalid(path, `it ends at byte ${formatCount(start + done)}`);
    done += bytesRead;
  }
  return bytes;
}

async function requireRoom(path: string, needBytes: number): Promise<void> {
  const folder = dirname(path);
  const disk = await statfs(folder).catch(() => null);
  if (disk === null || disk.bavail * disk.bsize >= needBytes) return;
  throw new UsageError(
    'output/unwritable',
    `the reference's scores need ${formatBytes(needBytes)} in ${folder}, ${formatBytes(disk.bavail * disk.bsize)} are free`,
    { hint: 'Evaluate less of the text with --chunks N, or free some space there.' },
  );
}

async function openToWrite(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w');
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: UNWRITABLE_HINT,
    });
  }
}

function invalid(path: string, why: string): QuantscopeError {
  return new QuantscopeError('reference/invalid', `${path} is not a complete reference: ${why}`, {
    hint:
      'Score the reference anew: quantscope eval REFERENCE.gguf --save-reference FILE, ' +
      'or llama-perplexity -m REFERENCE.gguf -f TEXT --kl-divergence-base FILE.',
  });
}
